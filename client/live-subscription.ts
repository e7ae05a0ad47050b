import { Board } from './board.ts'
import { QuoteClientError } from './client-error.ts'
import { Emitter } from './emitter.ts'
import type {
  Mode,
  Quotes,
  Rejection,
  Snapshot,
  SubscriptionChanges,
  SubscriptionInfo,
  SubscriptionRequest
} from './messages.ts'
import type { Row, RowField } from './row.ts'
import { RowQueue } from './row-queue.ts'
import type { Subscription, SubscriptionEvents } from './subscription.ts'

/** What a subscription asks of its client. */
export interface SubscriptionOwner {
  readonly maxRows: number
  readonly maxQueuedRows: number
  update(subscription: LiveSubscription, changes: SubscriptionChanges): Promise<void>
  resync(subscription: LiveSubscription): Promise<void>
  /** It has ended; resolves when the gateway knows, or cannot be told. */
  drop(subscription: LiveSubscription): Promise<void>
  onError(error: QuoteClientError): void
}

/** A subscription with the side that its client sees. */
export class LiveSubscription implements Subscription {
  readonly ready: Promise<void>
  readonly state: Board
  readonly events = new Emitter<SubscriptionEvents>()
  request: SubscriptionRequest
  info: SubscriptionInfo | null = null
  rejected: readonly Rejection[] = []
  hasEnded = false
  readonly #owner: SubscriptionOwner
  readonly #queues = new Set<RowQueue<Row>>()
  #settle: { resolve(): void; reject(error: QuoteClientError): void } | null = null

  constructor(request: SubscriptionRequest, owner: SubscriptionOwner) {
    this.request = request
    this.#owner = owner
    this.state = new Board(owner.maxRows)
    this.ready = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    // Who does not wait for it hears of the error by its event.
    this.ready.catch(() => {})
  }

  get board(): ReadonlyMap<string, Row> {
    return this.state.rows
  }

  get mode(): Mode {
    return this.request.mode ?? 'conflate'
  }

  get position(): { epoch: string; q: number } | null {
    return this.state.position
  }

  on<Name extends keyof SubscriptionEvents>(
    name: Name,
    listener: (event: SubscriptionEvents[Name]) => void
  ): () => void {
    return this.events.on(name, listener)
  }

  rows({ maxQueued = this.#owner.maxQueuedRows }: { maxQueued?: number } = {}): RowQueue<Row> {
    // What the board holds is a state and no news: it counts in no mode towards the bound.
    const isLossless = () => this.mode === 'all'
    const queue = new RowQueue<Row>(
      isLossless,
      maxQueued + this.state.rows.size,
      done => void this.#queues.delete(done)
    )
    queue.push(this.state.rows.values())
    if (this.hasEnded) queue.end()
    else this.#queues.add(queue)
    return queue
  }

  [Symbol.asyncIterator](): RowQueue<Row> {
    return this.rows()
  }

  async update<G extends RowField>(changes: SubscriptionChanges<G>): Promise<Subscription<G>> {
    await this.#owner.update(this, changes)
    return this
  }

  resync(): Promise<void> {
    return this.#owner.resync(this)
  }

  unsubscribe(): Promise<void> {
    return this.end()
  }

  /** There will be no snapshot: what comes follows this position. */
  goOn(epoch: string, q: number): void {
    this.state.begin(epoch, q)
    this.#markReady()
  }

  takePage(page: Snapshot): void {
    this.#guard(() => {
      const taken = this.state.takePage(page)
      if (taken === null) return
      const { changed, missed } = taken
      if (missed) this.#endLossless()
      this.#push(changed)
      this.events.emit('snapshot', { rows: this.board, epoch: page.epoch, q: page.q, missed })
      this.#markReady()
    })
  }

  /** @returns whether the board has to be asked for, because something is missing. */
  takeQuotes({ q, time, data }: Quotes): boolean {
    return this.#guard(() => {
      const { fresh, gaps, breaks } = this.state.takeRows(data)
      if (gaps.length > 0) this.#endLossless()
      for (const gap of gaps) this.events.emit('gap', gap)
      if (gaps.length === 0) this.state.advance(q)
      if (fresh.length > 0) {
        this.#push(fresh)
        this.events.emit('rows', { rows: fresh, q, time })
      }
      return breaks
    })
  }

  /** Ends it, for a reason when it was not asked for. Idempotent; resolves when the gateway knows, or cannot be told. */
  async end(error: QuoteClientError | null = null): Promise<void> {
    if (this.hasEnded) return
    this.hasEnded = true
    const dropped = this.#owner.drop(this)
    this.#endQueues(error)
    this.#settle?.reject(error ?? new QuoteClientError('closed'))
    if (error !== null) {
      this.events.emit('error', error)
      this.#owner.onError(error)
    }
    await dropped
  }

  #guard(take: () => boolean | void): boolean {
    try {
      return take() === true
    } catch (error) {
      if (!(error instanceof QuoteClientError) || error.code !== 'board_full') throw error
      void this.end(error)
      return false
    }
  }

  #push(rows: Iterable<Row>): void {
    if (this.#queues.size === 0) return
    const all = [...rows]
    for (const queue of this.#queues) queue.push(all)
  }

  /** Who was promised every update is told that some are lost. */
  #endLossless(): void {
    if (this.mode === 'all') this.#endQueues(new QuoteClientError('lost'))
  }

  #endQueues(error: QuoteClientError | null): void {
    for (const queue of [...this.#queues]) queue.end(error)
  }

  #markReady(): void {
    this.#settle?.resolve()
    this.#settle = null
  }
}
