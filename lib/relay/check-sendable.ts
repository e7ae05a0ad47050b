import type { Quote } from '../quote/quote.ts'
import { RelayError } from './relay-error.ts'

/**
 * Makes sure that a message can be made of a quote: clients throw at what they cannot write, and lose all that is under way.
 * @throws RelayError `bad_quote` with what was expected and what came
 */
export function checkSendable({ id, receivedTime, publishedTime }: Quote): void {
  if (typeof id !== 'string') throw refusal('an id', id)
  for (const time of [receivedTime, publishedTime]) {
    if (!Number.isSafeInteger(time) || time < 0) throw refusal(`times of ${id.slice(0, 120)} in microseconds`, time)
  }
}

function refusal(expected: string, got: unknown): RelayError {
  return new RelayError('bad_quote', `expected ${expected}, got ${JSON.stringify(got)?.slice(0, 80) ?? 'nothing'}`)
}
