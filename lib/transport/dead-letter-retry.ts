import type { StreamControl } from './stream-control.ts'
import { unlessAborted } from './unless-aborted.ts'

/** How retries ended. Numbers of letters that are no longer there are in no list. */
export interface RetryResult {
  /** Their group handled them; the letters are gone. */
  handled: number[]
  /** They stay, each with what its handler said now. */
  failed: { number: number; error: string }[]
  /**
   * Not ended within the time: the first may be with its handler still, and goes by itself if that ends well; the others were not
   * tried. Ask again for them.
   */
  left: number[]
}

/** Below the time of a request, so that whoever asks gets the answer. */
const BUDGET_MS = 8_000

/**
 * Hands dead letters to the groups that gave them up, one after the other, and removes those that are handled. Resolves within the
 * budget, however long handlers take.
 */
export async function retryDeadLetters(
  control: StreamControl,
  numbers: readonly number[],
  budgetMs: number = BUDGET_MS
): Promise<RetryResult> {
  const result: RetryResult = { handled: [], failed: [], left: [] }
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(), budgetMs)
  try {
    for (const number of numbers) {
      const outcome = over.signal.aborted ? undefined : await unlessAborted(over.signal, retryOne(control, number))
      if (outcome === undefined) result.left.push(number)
      else if (outcome.kind === 'failed') result.failed.push({ number, error: outcome.error })
      else if (outcome.kind === 'handled') result.handled.push(number)
    }
  } finally {
    clearTimeout(timer)
  }
  return result
}

type RetryOutcome = { kind: 'gone' } | { kind: 'handled' } | { kind: 'failed'; error: string }

/** Errors are outcomes, so that one letter does not cost the caller what is known of the others. */
async function retryOne(control: StreamControl, number: number): Promise<RetryOutcome> {
  try {
    const found = await control.deadLetters.read(number)
    if (found === undefined) return { kind: 'gone' }
    const { stream, group, epoch, sequence } = found.letter
    const outcome = await control.handOver(stream, group, found.data, { epoch, sequence })
    if (outcome.kind === 'unhandled') return { kind: 'failed', error: `no node handles group ${group}` }
    if (outcome.kind === 'failed') return { kind: 'failed', error: outcome.error }
    await control.deadLetters.remove(number)
    return { kind: 'handled' }
  } catch (error) {
    return { kind: 'failed', error: (error as Error).message }
  }
}
