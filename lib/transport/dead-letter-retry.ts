import type { DeadLetter } from './dead-letter.ts'
import type { StreamControl } from './stream-control.ts'

/** How retries ended. Numbers of letters that are no longer there are in neither list. */
export interface RetryResult {
  /** Their group handled them; the letters are gone. */
  handled: number[]
  /** They stay, each with what its handler said now. */
  failed: { number: number; error: string }[]
}

/** Hands dead letters to the groups that gave them up, one after the other, and removes those that are handled. */
export async function retryDeadLetters(control: StreamControl, numbers: readonly number[]): Promise<RetryResult> {
  const result: RetryResult = { handled: [], failed: [] }
  for (const number of numbers) {
    const found = await control.deadLetters.read(number)
    if (found === undefined) continue
    const error = await retryOne(control, found)
    if (error !== undefined) {
      result.failed.push({ number, error })
      continue
    }
    await control.deadLetters.remove(number)
    result.handled.push(number)
  }
  return result
}

async function retryOne(
  control: StreamControl,
  { letter, data }: { letter: DeadLetter; data: Buffer }
): Promise<string | undefined> {
  const { stream, group, epoch, sequence } = letter
  const outcome = await control.handOver(stream, group, data, { epoch, sequence })
  if (outcome.kind === 'handled') return undefined
  return outcome.kind === 'failed' ? outcome.error : `no node handles group ${group}`
}
