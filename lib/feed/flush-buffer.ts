import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { splitBatches } from '../quote/batch.ts'
import type { Micros, Quote } from '../quote/quote.ts'
import { BackOff } from './back-off.ts'
import type { FeedLimits } from './feed-limits.ts'
import type { QuietLog } from './quiet-log.ts'

export interface FlushBufferSpec {
  /** The message ids are `<id>/<number>`: unique among all buffers of all processes ever. */
  id: string
  /** Resolves when the batch is stored; after a rejection the same batch is published again under the same message id. */
  publish: (quotes: Quote[], messageId: string) => Promise<void>
  /** Whether a rejection would meet the same batch for ever; such a batch is dropped. */
  isFinal: (error: unknown) => boolean
  /** The buffer is filling (true): hold the venue back; or has room again (false). Told on change. */
  press: (full: boolean) => void
  limits: Pick<
    FeedLimits,
    'flushMs' | 'flushQuotes' | 'pauseQuotes' | 'maxQuotes' | 'retryMs' | 'retryMaxMs' | 'drainMs' | 'certainMs'
  >
  log: QuietLog
  now: () => Micros
  random: () => number
}

export interface FlushBufferStats {
  /** Quotes taken and not yet stored. */
  held: number
  published: number
  batches: number
  /** Publishes that were rejected. */
  rejected: number
  /** Of the published batches, those that the stream may hold twice: confirmed after it may have forgotten their message id. */
  uncertain: number
  /** Quotes lost: taken beyond the bound, of a batch that nothing would take, or not stored when the feed had to end. */
  dropped: number
  /** How often the venue was held back. */
  pauses: number
}

/**
 * Gathers quotes into batches and publishes them in order, one at a time.
 *
 * A batch leaves `flushMs` after its first quote at the latest, sooner when `flushQuotes` are there; while one is being stored the
 * next gathers, so that a slow stream gets fewer, larger batches. One at a time, because a batch that must be tried again
 * would otherwise be overtaken. Holds at most `maxQuotes`.
 *
 * A batch is tried until it is stored, under one message id. The stream remembers that for its duplicate window only: stored, with the
 * answer lost and the server away for longer, the batch is stored once more. Giving it up instead would lose quotes wherever it was not
 * stored; so it is stored, and counted as `uncertain`. The quotes are the same by their ids: the history keeps one row and the
 * board does not change. Only a gateway's client may see an update a second time, under a new `q` that follows on its `p`.
 */
export class FlushBuffer {
  readonly #spec: FlushBufferSpec
  readonly #backOff: BackOff
  #gathering: Quote[] = []
  /** Cut and not yet published, oldest first. */
  #batches: Quote[][] = []
  #held = 0
  #timer: NodeJS.Timeout | undefined
  /** Present while batches are being published. */
  #publishing: Promise<void> | null = null
  #pressed = false
  #drained: Promise<void> | null = null
  readonly #giveUp = new AbortController()
  readonly #stats = { published: 0, batches: 0, rejected: 0, uncertain: 0, dropped: 0, pauses: 0 }

  constructor(spec: FlushBufferSpec) {
    this.#spec = spec
    this.#backOff = new BackOff(spec.limits.retryMs, spec.limits.retryMaxMs, spec.random)
  }

  get stats(): FlushBufferStats {
    return { held: this.#held, ...this.#stats }
  }

  /** Takes quotes for the next batch. Their `publishedTime` is set when it leaves. */
  push(quotes: readonly Quote[]): void {
    const { flushMs, flushQuotes, maxQuotes, pauseQuotes } = this.#spec.limits
    const room = this.#drained !== null ? 0 : maxQuotes - this.#held
    if (quotes.length > room) this.#drop(quotes.length - room, 'no room')
    for (const quote of quotes.slice(0, room)) this.#gathering.push(quote)
    this.#held += Math.min(quotes.length, room)
    if (this.#held >= pauseQuotes) this.#press(true)
    if (this.#gathering.length >= flushQuotes) this.#flush()
    else if (this.#gathering.length > 0 && this.#publishing === null)
      this.#timer ??= setTimeout(() => this.#flush(), flushMs)
  }

  /** Publishes what is held and takes no more. What is not stored within `drainMs` is dropped and counted. Idempotent. */
  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  async #drain(): Promise<void> {
    this.#flush()
    const timer = setTimeout(() => this.#giveUp.abort(), this.#spec.limits.drainMs)
    await Promise.race([this.#publishing, once(this.#giveUp.signal, 'abort')])
    clearTimeout(timer)
    this.#giveUp.abort()
    if (this.#held > 0) this.#drop(this.#held, 'not stored in time')
    this.#held = 0
    this.#gathering = []
    this.#batches = []
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#publishing ??= this.#publishAll()
  }

  async #publishAll(): Promise<void> {
    for (let batch = this.#cut(); batch !== undefined; batch = this.#cut()) {
      const stored = await this.#publish(batch)
      if (this.#giveUp.signal.aborted) return
      this.#held -= batch.length
      if (stored) this.#stats.published += batch.length
      else this.#drop(batch.length, 'refused for ever')
      if (this.#held <= this.#spec.limits.pauseQuotes / 2) this.#press(false)
    }
    this.#publishing = null
  }

  /** The oldest batch. Everything gathered is cut at once, so that a backlog is measured once and not again for each batch. */
  #cut(): Quote[] | undefined {
    if (this.#batches.length === 0) {
      this.#batches = splitBatches(this.#gathering)
      this.#gathering = []
    }
    return this.#batches.shift()
  }

  /** Resolves when the batch is stored (true), or when it cannot be or the buffer has given up (false). */
  async #publish(batch: Quote[]): Promise<boolean> {
    const { id, isFinal, now, publish, log, limits } = this.#spec
    const messageId = `${id}/${++this.#stats.batches}`
    const publishedTime = now()
    for (const quote of batch) quote.publishedTime = publishedTime
    const { signal } = this.#giveUp
    const begun = performance.now()
    while (!signal.aborted) {
      try {
        await publish(batch, messageId)
        this.#backOff.reset()
        if (performance.now() - begun > limits.certainMs) this.#noteUncertain(messageId, batch.length)
        return true
      } catch (error) {
        this.#stats.rejected++
        log.warn({ messageId, quotes: batch.length, error }, 'feed.publish_rejected')
        if (isFinal(error)) return false
      }
      await delay(this.#backOff.next(), undefined, { signal }).catch(ignoreAbort)
    }
    return false
  }

  #noteUncertain(messageId: string, quotes: number): void {
    this.#stats.uncertain++
    this.#spec.log.warn({ messageId, quotes }, 'feed.stored_uncertain')
  }

  #press(full: boolean): void {
    if (full === this.#pressed) return
    this.#pressed = full
    if (full) this.#stats.pauses++
    this.#spec.press(full)
  }

  #drop(quotes: number, reason: string): void {
    this.#stats.dropped += quotes
    this.#spec.log.warn({ id: this.#spec.id, quotes, reason }, 'feed.dropped')
  }
}

/** The wait was cut short because the buffer gave up; its caller looks at the signal. */
function ignoreAbort(): void {}
