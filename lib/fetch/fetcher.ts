import { EgressError } from '../egress/egress-error.ts'
import type { EgressPool, PoolStats } from '../egress/egress-pool.ts'
import type { Instrument } from '../instruments/instrument-store.ts'
import { splitBatches } from '../quote/batch.ts'
import type { FetchDone, FetchDue, FetchOutcome, QuotesReceived, SourceStatus } from '../quote/events.ts'
import type { Micros } from '../quote/quote.ts'
import { type FetchTask, fetchKeys } from './fetch-keys.ts'
import type { FetchSource } from './fetch-source.ts'
import { Gate } from './gate.ts'
import { type FailureCode, Harvest } from './harvest.ts'
import type { QuarantinedKey } from './quarantine.ts'

export interface FetcherOptions {
  sources: readonly FetchSource[]
  pool: Pick<EgressPool, 'request' | 'cool' | 'stats'>
  /** Hands quotes to the buffer; resolves when they are stored there. */
  publish: (received: QuotesReceived) => Promise<void>
  /** At most {@link INSTRUMENTS_PER_EVENT} at once. */
  announceInstruments: (source: string, instruments: Instrument[]) => Promise<void>
  announceDone: (done: FetchDone) => Promise<void>
  announceStatus: (status: SourceStatus) => Promise<void>
  /** How long a fetch may take from its begin, in milliseconds. */
  longestFetchMs: (due: FetchDue) => number
  now: () => Micros
  /** Names this process. */
  node: string
  /** Fetches under way at once. */
  concurrency?: number
}

export interface FetcherStats {
  outcomes: Record<FetchOutcome, number>
  /** Failed fetches by code. */
  failures: Partial<Record<FailureCode, number>>
  quotes: number
  batches: number
  instruments: number
  /** Entries of responses that were not taken, by code. */
  refused: Record<string, number>
  /** Fetches whose quotes the buffer did not take; their ticks are delivered again. */
  publishFailures: number
  /** Plain events that could not be sent. */
  announceFailures: number
  /** Sources that are down. */
  down: string[]
  quarantined: QuarantinedKey[]
  underWay: number
  egress: PoolStats
}

export const INSTRUMENTS_PER_EVENT = 1_000

const CONCURRENCY = 64
const MAX_WAITING = 2_048

/** Failures that say nothing about the source's state: our request was wrong, or ended by us. */
const OURS: ReadonlySet<FailureCode> = new Set([
  'bad_request',
  'bad_symbol',
  'unsupported_key',
  'unsupported_channel',
  'unknown_source',
  'forbidden_target',
  'closed'
])

/** How long a stop waits for requests under way before it ends them: within the time that the transporter drains. */
const DRAIN_MS = 2_000

/**
 * Carries out due fetches: asks the source through the egress pool, reads the answer, hands the quotes to the buffer.
 */
export class Fetcher {
  readonly #options: FetcherOptions
  readonly #sources: ReadonlyMap<string, FetchSource>
  readonly #gate: Gate
  readonly #connection: string
  readonly #closing = new AbortController()
  readonly #underWay = new Set<Promise<FetchDone>>()
  readonly #stats = {
    outcomes: { done: 0, late: 0, failed: 0 } as Record<FetchOutcome, number>,
    failures: {} as Partial<Record<FailureCode, number>>,
    quotes: 0,
    batches: 0,
    instruments: 0,
    refused: {} as Record<string, number>,
    publishFailures: 0,
    announceFailures: 0
  }
  #counter = 0
  #hurrying: NodeJS.Timeout | undefined

  constructor(options: FetcherOptions) {
    this.#options = options
    this.#sources = new Map(options.sources.map(source => [source.name, source]))
    this.#gate = new Gate(options.concurrency ?? CONCURRENCY, MAX_WAITING)
    this.#connection = `${options.node}-${options.now()}`
  }

  /**
   * Fetches what is due. Whatever the venue or the network does is an outcome.
   * @throws only when the buffer did not take the quotes: the tick has to be delivered again, which is harmless because
   * the quotes' ids are deterministic.
   */
  fetch(due: FetchDue): Promise<FetchDone> {
    const fetching = this.#fetch(due)
    this.#underWay.add(fetching)
    const forget = () => this.#underWay.delete(fetching)
    fetching.then(forget, forget)
    return fetching
  }

  stats(): FetcherStats {
    const sources = [...this.#sources.values()]
    return {
      ...structuredClone(this.#stats),
      down: sources.filter(({ health }) => health.down).map(({ name }) => name),
      quarantined: sources.flatMap(({ quarantine }) => quarantine.list()),
      underWay: this.#underWay.size,
      egress: this.#options.pool.stats()
    }
  }

  /** The end has come: requests that are under way in 2 s are ended then. Idempotent. */
  hurry(): void {
    this.#hurrying ??= setTimeout(
      () => this.#closing.abort(new EgressError('closed', 'the fetcher is stopping')),
      DRAIN_MS
    )
  }

  /** {@link Fetcher.hurry}, and waits for what is under way. Idempotent. */
  async close(): Promise<void> {
    this.hurry()
    await Promise.allSettled(this.#underWay)
    clearTimeout(this.#hurrying)
  }

  /**
   * {@link Fetcher.fetch}, and tells the schedulers how it ended.
   * @throws also when our own stop has ended it: another fetcher may still be in time.
   */
  async handle(due: FetchDue): Promise<void> {
    const done = await this.fetch(due)
    if (done.reason === 'closed') throw new Error(`${due.job}: not fetched, this fetcher is stopping`)
    await this.#announce(this.#options.announceDone(done))
  }

  async #fetch(due: FetchDue): Promise<FetchDone> {
    if (!(await this.#gate.enter())) return this.#report(due, 'late', this.#options.now(), new Harvest())
    try {
      const begin = this.#options.now()
      const harvest = new Harvest()
      if (begin > due.deadline) return this.#report(due, 'late', begin, harvest)
      await this.#collect(due, harvest)
      await this.#handOver(due, harvest)
      await this.#judgeSource(due.source, harvest)
      return this.#report(due, harvest.failure === null ? 'done' : 'failed', begin, harvest)
    } finally {
      this.#gate.leave()
    }
  }

  async #collect(due: FetchDue, harvest: Harvest): Promise<void> {
    const { source: name, request, slot } = due
    const source = this.#sources.get(name)
    if (source?.rest === undefined) {
      harvest.fail('unknown_source', `expected a source with REST, got ${name}`)
      return
    }
    const { now, pool, longestFetchMs } = this.#options
    const keys = source.quarantine.admit(request.keys, now())
    if (keys.length < request.keys.length) harvest.refuse('bad_symbol', request.keys.length - keys.length)
    if (keys.length === 0 && request.keys.length > 0) {
      harvest.fail('bad_symbol', 'every key of the request is quarantined')
      return
    }
    const totalMs = longestFetchMs(due)
    const endMs = performance.now() + totalMs
    const controller = new AbortController()
    const timer = setTimeout(
      () => controller.abort(new EgressError('deadline', `not fetched within ${totalMs} ms`)),
      totalMs
    )
    const onClose = () => controller.abort(this.#closing.signal.reason)
    if (this.#closing.signal.aborted) onClose()
    else this.#closing.signal.addEventListener('abort', onClose, { once: true })
    const task: FetchTask = {
      source,
      rest: source.rest,
      pool,
      channel: request.channel,
      slot,
      signal: controller.signal,
      remainingMs: () => Math.max(1, Math.floor(endMs - performance.now())),
      now,
      connection: this.#connection,
      nextCounter: () => this.#counter++,
      harvest
    }
    try {
      await fetchKeys(task, keys)
    } finally {
      clearTimeout(timer)
      this.#closing.signal.removeEventListener('abort', onClose)
    }
  }

  async #handOver({ source, slot }: FetchDue, { quotes, instruments }: Harvest): Promise<void> {
    const publishedTime = this.#options.now()
    for (const quote of quotes) quote.publishedTime = publishedTime
    const batches = splitBatches(quotes)
    try {
      await Promise.all(batches.map(batch => this.#options.publish({ source, slot, quotes: batch })))
    } catch (error) {
      this.#stats.publishFailures++
      throw error
    }
    this.#stats.quotes += quotes.length
    this.#stats.batches += batches.length
    for (let i = 0; i < instruments.length; i += INSTRUMENTS_PER_EVENT) {
      const chunk = instruments.slice(i, i + INSTRUMENTS_PER_EVENT)
      await this.#announce(this.#options.announceInstruments(source, chunk))
      this.#stats.instruments += chunk.length
    }
  }

  async #judgeSource(name: string, { failure }: Harvest): Promise<void> {
    const health = this.#sources.get(name)?.health
    if (health === undefined || (failure !== null && OURS.has(failure.code))) return
    const now = this.#options.now()
    const change = failure === null ? health.succeed(now) : health.fail(failure.code, now)
    if (change !== undefined) await this.#announce(this.#options.announceStatus(change))
  }

  /** Plain events are sent at most once; that one was not sent is counted and changes nothing. */
  async #announce(sending: Promise<void>): Promise<void> {
    try {
      await sending
    } catch {
      this.#stats.announceFailures++
    }
  }

  #report({ job, slot }: FetchDue, outcome: FetchOutcome, begin: Micros, harvest: Harvest): FetchDone {
    const { failure, refused } = harvest
    this.#stats.outcomes[outcome]++
    if (failure !== null) this.#stats.failures[failure.code] = (this.#stats.failures[failure.code] ?? 0) + 1
    for (const [code, count] of Object.entries(refused))
      this.#stats.refused[code] = (this.#stats.refused[code] ?? 0) + count
    return {
      job,
      slot,
      outcome,
      reason: failure?.code ?? null,
      counts: { quotes: harvest.quotes.length, refused: harvest.refusedCount, attempts: harvest.attempts },
      timings: { begin: begin - slot, end: this.#options.now() - slot },
      egress: harvest.egress,
      node: this.#options.node
    }
  }
}
