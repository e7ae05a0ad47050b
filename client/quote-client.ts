import { QuoteClientError } from './client-error.ts'
import type { ClientEvents, ClientState, StateChange } from './client-events.ts'
import { type CheckedOptions, checkOptions, checkUrls, type QuoteClientOptions } from './client-options.ts'
import { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import { GatewaySession } from './gateway-session.ts'
import { LiveSubscription } from './live-subscription.ts'
import { type Bye, SUBPROTOCOL, type SubscriptionInfo, type SubscriptionRequest } from './messages.ts'
import { afterClose, EXPIRED, FIRST_OWN, jitteredDelay } from './reconnect-delay.ts'
import type { RowField } from './row.ts'
import type { ResumePoint, Subscriber } from './subscriber.ts'
import type { Subscription } from './subscription.ts'
import { SubscriptionTable } from './subscription-table.ts'

/** A wait that the gateway asks for is at most so long. */
const MAX_TOLD_MS = 300_000

/** Follows quotes over one connection at a time, and comes back when it ends, until `close`. */
export class QuoteClient {
  readonly #urls: readonly string[]
  readonly #options: CheckedOptions
  readonly #events = new Emitter<ClientEvents>()
  readonly #table = new SubscriptionTable()
  #state: ClientState = 'connecting'
  #connection: Connection | null = null
  #session: GatewaySession | null = null
  #resumePoint: ResumePoint | null = null
  #urlIndex = 0
  #attempt = 0
  #liveSinceMs = Number.POSITIVE_INFINITY
  /** What the gateway said before it closes, and when the client may come back; 0 when it did not say. */
  #bye: { code: number; dueMs: number } | null = null
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #abort = () => this.close()

  /** Connects at once. @param urls of one gateway or several, which are tried in turn. @throws QuoteClientError `bad_option`. */
  constructor(urls: string | readonly string[], options: QuoteClientOptions = {}) {
    this.#urls = checkUrls(urls)
    this.#options = checkOptions(options)
    options.signal?.addEventListener('abort', this.#abort)
    // A turn later, so that listeners hear of everything.
    if (options.signal?.aborted) this.#state = 'closed'
    else this.#timer = setTimeout(() => this.#connect(), 0)
  }

  get state(): ClientState {
    return this.#state
  }

  /** @returns a function that takes the listener off again. */
  on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener)
  }

  /** Follows instruments until the subscription or its `signal` ends; see {@link Subscription.ready} for what is refused. */
  subscribe<const F extends RowField = RowField>(
    request: SubscriptionRequest<F>,
    { signal }: { signal?: AbortSignal } = {}
  ): Subscription<F> {
    const { maxRows, maxQueuedRows } = this.#options
    const table = this.#table
    const end = () => void subscription.unsubscribe()
    const subscription = new LiveSubscription(
      { ...request },
      {
        maxRows,
        maxQueuedRows,
        update: async (one, changes) => this.#subscriber.update(one, changes),
        resync: async one => this.#subscriber.resync(one.info?.sid ?? ''),
        drop: async one => {
          signal?.removeEventListener('abort', end)
          table.all.delete(one)
          const sid = table.unbind(one)
          if (sid !== null) await this.#session?.subscriber?.unsubscribe(sid)
        },
        onError: error => this.#events.emit('error', error)
      }
    )
    if (this.#state === 'closed' || signal?.aborted) {
      end()
      return subscription
    }
    signal?.addEventListener('abort', end)
    table.all.add(subscription)
    // What is asked for in one turn goes in one message.
    queueMicrotask(() => this.#session?.subscriber?.flush())
    return subscription
  }

  /** The subscriptions as the gateway has them. @throws QuoteClientError `not_connected`. */
  async list(): Promise<SubscriptionInfo[]> {
    return this.#subscriber.list()
  }

  /** Ends all subscriptions and the connection. Idempotent. */
  close(): void {
    this.#finish(null)
  }

  #connect(): void {
    const options = this.#options
    const url = this.#url
    this.#bye = null
    this.#liveSinceMs = Number.POSITIVE_INFINITY
    this.#change('connecting')
    if (this.#state !== 'connecting') return
    let connection: Connection
    try {
      connection = new Connection(new options.WebSocket(url, SUBPROTOCOL), options.silenceMs, {
        onMessage: message => session.receive(message),
        onError: error => this.#events.emit('error', error),
        onClose: (code, reason) => this.#lost(code, reason)
      })
    } catch (cause) {
      this.#finish(new QuoteClientError('refused', url, { cause }))
      return
    }
    const session = new GatewaySession(connection, {
      options,
      table: this.#table,
      resumePoint: this.#resumePoint,
      events: this.#events,
      onLive: resumePoint => {
        this.#resumePoint = resumePoint
        this.#liveSinceMs = performance.now()
        this.#change('live')
      },
      onBye: bye => this.#prepare(bye),
      onFatal: error => this.#finish(error)
    })
    this.#connection = connection
    this.#session = session
  }

  /** The gateway will close: goes when it is told to, not with all the others at the last moment. */
  #prepare({ close, reconnectAfterMs, resume }: Bye): void {
    const waitMs = Math.min(reconnectAfterMs ?? -1, MAX_TOLD_MS)
    clearTimeout(this.#timer)
    this.#bye = { code: close, dueMs: waitMs < 0 ? 0 : performance.now() + waitMs }
    if (resume === false) this.#resumePoint = null
    if (waitMs >= 0 && afterClose(close) === 'asTold')
      this.#timer = setTimeout(() => this.#connection?.abandon('bye'), waitMs)
  }

  #lost(socketCode: number, reason: string): void {
    // A gateway may say bye for one reason and then close for another, which counts.
    const code = socketCode < FIRST_OWN ? (this.#bye?.code ?? socketCode) : socketCode
    this.#leave(new QuoteClientError('connection_lost', `${code} ${reason}`))
    if (this.#state === 'closed') return
    const next = afterClose(code)
    if (next === 'stop' && !(code === EXPIRED && typeof this.#options.auth === 'function')) {
      this.#finish(new QuoteClientError('refused', `${code} ${reason}`, { closeCode: code }), {
        closeCode: code,
        reason
      })
      return
    }
    const { firstRetryMs, maxRetryMs, stableMs, random } = this.#options
    const nowMs = performance.now()
    if (nowMs - this.#liveSinceMs >= stableMs && next !== 'backOff') this.#attempt = 0
    const ownMs = jitteredDelay(this.#attempt, firstRetryMs, maxRetryMs, random())
    const dueMs = this.#bye?.dueMs ?? 0
    const retryInMs = Math.max(dueMs - nowMs, dueMs > 0 && next === 'asTold' ? 0 : ownMs)
    this.#attempt++
    this.#urlIndex++
    this.#timer = setTimeout(() => this.#connect(), retryInMs)
    this.#change('waiting', { closeCode: code, reason, retryInMs })
  }

  /** Nothing is expected of the connection any more. */
  #leave(error: QuoteClientError): void {
    clearTimeout(this.#timer)
    this.#connection = null
    this.#session?.end(error)
    this.#session = null
    this.#table.unbindAll()
  }

  #finish(error: QuoteClientError | null, how: Partial<StateChange> = {}): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#options.signal?.removeEventListener('abort', this.#abort)
    const connection = this.#connection
    this.#leave(new QuoteClientError('closed'))
    connection?.close()
    const { all } = this.#table
    if (error !== null && all.size === 0) this.#events.emit('error', error)
    for (const subscription of all) void subscription.end(error)
    this.#change('closed', how)
  }

  get #subscriber(): Subscriber {
    const subscriber = this.#session?.subscriber
    if (!subscriber) throw new QuoteClientError('not_connected')
    return subscriber
  }

  get #url(): string {
    return this.#urls[this.#urlIndex % this.#urls.length] as string
  }

  #change(state: ClientState, more: Partial<StateChange> = {}): void {
    this.#state = state
    this.#events.emit('state', { state, url: this.#url, attempt: this.#attempt, ...more })
  }
}
