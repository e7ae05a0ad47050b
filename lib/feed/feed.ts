import { type QuotesReceived, type SourceState, type SourceStatus, sourceWay } from '../quote/events.ts'
import type { Micros, Quote } from '../quote/quote.ts'
import { type Source, SourceError } from '../sources/source.ts'
import { BackOff } from './back-off.ts'
import { FeedConnection } from './feed-connection.ts'
import { FeedCounters, type FeedCounts } from './feed-counters.ts'
import { FEED_LIMITS, type FeedLimits } from './feed-limits.ts'
import { FlushBuffer, type FlushBufferStats } from './flush-buffer.ts'
import { type Log, QuietLog } from './quiet-log.ts'
import { SequenceGuard } from './sequence-guard.ts'
import { planShards, type Subscription } from './shards.ts'

export interface FeedSpec {
  /** Names this feed among all feeds of all processes ever; ids of connections and messages begin with it. */
  id: string
  /** The source's name in the configuration. */
  provider: string
  source: Source
  /** Finds the stream's base URL, without a trailing slash; rejects while it is not known. */
  findUrl: () => Promise<string>
  subscriptions: readonly Subscription[]
  /** Stores a batch durably; rejects when that could not be confirmed. */
  publish: (batch: QuotesReceived, messageId: string) => Promise<void>
  /** Whether a rejection of `publish` would meet the same batch for ever; any other is tried again. */
  isFinal: (error: unknown) => boolean
  announce: (status: SourceStatus) => void
  log: Log
  now: () => Micros
  /** From 0 to 1, for jitter. */
  random: () => number
  limits?: Partial<FeedLimits>
}

export interface FeedStats extends FlushBufferStats {
  provider: string
  connections: number
  state: SourceState | null
  /** Sequences of the venue that began again. */
  restarts: number
  counters: FeedCounts
}

/**
 * The stream of one source: sockets in shards of the venue's size, frames through the source's pure mapper, quotes in order
 * and in batches to `publish`. When the stream behind `publish` is slow or away the sockets are paused, and TCP holds the
 * venue back; see {@link FeedLimits} for the bounds.
 */
export class Feed {
  readonly #spec: FeedSpec
  readonly #keys: ReadonlySet<string>
  readonly #connections: FeedConnection[]
  readonly #states: (SourceState | null)[]
  readonly #counters = new FeedCounters()
  readonly #guard = new SequenceGuard()
  readonly #buffer: FlushBuffer
  #state: SourceState | null = null

  /** @throws SourceError for a source without a stream, or a key that it does not know. */
  constructor(spec: FeedSpec) {
    this.#spec = spec
    const { id, provider, source, now, random } = spec
    const { stream } = source
    if (stream === undefined)
      throw new SourceError('unsupported_channel', `expected a stream of ${source.name}, got none`)
    const limits: FeedLimits = { ...FEED_LIMITS, ...spec.limits }
    const log = new QuietLog(spec.log)
    this.#buffer = new FlushBuffer({
      id,
      publish: (quotes, messageId) => spec.publish({ source: provider, quotes }, messageId),
      isFinal: spec.isFinal,
      press: full => this.#press(full),
      limits,
      log,
      now,
      random
    })
    this.#keys = new Set(spec.subscriptions.flatMap(({ keys }) => keys))
    const keyBySymbol = new Map([...this.#keys].map(key => [source.symbolOf(key), key]))
    const shards = planShards(spec.subscriptions, stream.maxStreams)
    this.#states = shards.map(() => null)
    this.#connections = shards.map(
      (subscription, shard) =>
        new FeedConnection({
          id: `${id}/${shard}`,
          provider,
          stream,
          findUrl: spec.findUrl,
          subscription,
          keyOf: symbol => keyBySymbol.get(symbol),
          limits,
          counters: this.#counters,
          log,
          now,
          backOff: new BackOff(limits.backOffMs, limits.backOffMaxMs, random),
          take: quotes => this.#take(quotes),
          report: (state, reason) => this.#report(shard, state, reason)
        })
    )
  }

  /** Tells how far the sequences had come before this process began, for a venue that restarted meanwhile. May come late or never. */
  restore(quotes: readonly Quote[]): void {
    const { provider } = this.#spec
    this.#guard.restore(
      quotes.filter(({ key, src }) => src.kind === 'ws' && src.provider === provider && this.#keys.has(key))
    )
  }

  start(): void {
    for (const connection of this.#connections) connection.start()
  }

  /** Closes the sockets, then hands over what is held. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all(this.#connections.map(connection => connection.stop()))
    await this.#buffer.drain()
  }

  get stats(): FeedStats {
    return {
      provider: this.#spec.provider,
      connections: this.#connections.length,
      state: this.#state,
      restarts: this.#guard.restarts,
      ...this.#buffer.stats,
      counters: this.#counters.read()
    }
  }

  #take(quotes: readonly Quote[]): void {
    for (const quote of quotes) this.#guard.pass(quote)
    this.#buffer.push(quotes)
  }

  #press(full: boolean): void {
    for (const connection of this.#connections) {
      if (full) connection.pause()
      else connection.resume()
    }
  }

  /** The source is ok when all its connections are, down when none brings data, else stale. */
  #report(shard: number, state: SourceState, reason: string | null): void {
    this.#states[shard] = state
    const total = combine(this.#states)
    if (total === undefined || total === this.#state) return
    this.#state = total
    const { announce, now, provider } = this.#spec
    const id = sourceWay(provider, 'stream')
    announce({ scope: 'source', id, state: total, since: now(), reason: total === 'ok' ? null : reason })
  }
}

/** Undefined while some connection has neither brought data nor failed, and none is in trouble. */
function combine(states: readonly (SourceState | null)[]): SourceState | undefined {
  if (states.every(state => state === 'ok')) return 'ok'
  if (states.every(state => state === 'down')) return 'down'
  return states.some(state => state === 'stale' || state === 'down') ? 'stale' : undefined
}
