import { errorOf, QuoteClientError } from './client-error.ts'
import type { ClientEvents } from './client-events.ts'
import type { CheckedOptions } from './client-options.ts'
import type { Connection } from './connection.ts'
import type { Emitter } from './emitter.ts'
import type { Bye, Quotes, ServerMessage, Welcome } from './messages.ts'
import { Requests } from './requests.ts'
import { type ResumePoint, Subscriber } from './subscriber.ts'
import type { SubscriptionTable } from './subscription-table.ts'

export interface SessionDeps {
  readonly options: CheckedOptions
  readonly table: SubscriptionTable
  /** Of the connection before; null where there is nothing to resume. */
  readonly resumePoint: ResumePoint | null
  readonly events: Emitter<ClientEvents>
  /** Logged in, and all subscriptions were asked for. */
  onLive(resumePoint: ResumePoint | null): void
  onBye(bye: Bye): void
  /** Another connection would end in the same way. */
  onFatal(error: QuoteClientError): void
}

/** What is said on one connection: who the client is, what it follows, and where the gateway's messages go. */
export class GatewaySession {
  readonly #connection: Connection
  readonly #deps: SessionDeps
  readonly #requests: Requests
  #welcome: Welcome | null = null
  #subscriber: Subscriber | null = null
  #isLive = false

  constructor(connection: Connection, deps: SessionDeps) {
    this.#connection = connection
    this.#deps = deps
    this.#requests = new Requests(message => connection.send(message), deps.options.requestTimeoutMs)
  }

  receive(message: ServerMessage): void {
    if (this.#requests.answer(message)) return
    const { table } = this.#deps
    switch (message.type) {
      case 'welcome':
        this.#welcome = message
        this.#requests.allow(message.limits?.messagesPerSecond ?? 1)
        this.#deps.events.emit('welcome', message)
        void this.#begin(message)
        break
      case 'snapshot':
        for (const subscription of [...table.of(message.sid)]) subscription.takePage(message)
        break
      case 'quotes':
        this.#takeQuotes(message)
        break
      case 'hb':
        for (const { sid, q } of message.pos ?? []) for (const one of table.of(sid)) one.state.advance(q)
        break
      case 'lag':
        for (const { events } of table.of(message.sid)) events.emit('lag', { skippedTicks: message.skippedTicks })
        break
      case 'downgraded': {
        const { sid, from = sid, intervalMs, reason } = message
        for (const { events } of table.move(from, { sid, intervalMs }))
          events.emit('downgraded', { intervalMs, reason })
        break
      }
      // These two answer no request of their own: a login has taken rights away.
      case 'updated':
        table.move(message.from, message.sub)
        break
      case 'unsubscribed':
        for (const sid of message.sids)
          for (const subscription of [...table.of(sid)]) {
            table.unbind(subscription)
            void subscription.end(new QuoteClientError('forbidden'))
          }
        break
      case 'status':
        this.#deps.events.emit('status', message)
        break
      case 'expiring':
        this.#login().catch(error => this.#report(error))
        break
      case 'bye':
        this.#deps.onBye(message)
        break
      case 'error':
        this.#deps.events.emit('error', errorOf(message))
        break
    }
  }

  /** Takes requests when the session is live; null before. */
  get subscriber(): Subscriber | null {
    return this.#isLive ? this.#subscriber : null
  }

  /** The connection is gone. */
  end(error: QuoteClientError): void {
    this.#isLive = false
    this.#subscriber?.end()
    this.#requests.end(error)
  }

  async #begin(welcome: Welcome): Promise<void> {
    const { table, options, resumePoint, onLive } = this.#deps
    const subscriber = new Subscriber(welcome, {
      requests: this.#requests,
      table,
      policy: options.resume,
      onBroken: error => this.#abandon(error)
    })
    this.#subscriber = subscriber
    try {
      await this.#login()
      if (resumePoint !== null) await subscriber.resume(resumePoint)
    } catch (error) {
      this.#abandon(error as QuoteClientError)
    }
    if (this.#connection.isOver) return
    this.#isLive = true
    subscriber.flush()
    const { session, resumeToken } = welcome
    onLive(resumeToken === undefined ? null : { session, resumeToken })
  }

  /** @throws QuoteClientError */
  async #login(): Promise<void> {
    const { options, events, onFatal } = this.#deps
    const { auth } = options
    if (auth === undefined || this.#welcome?.auth === 'none') return
    try {
      const credential = typeof auth === 'function' ? await auth() : auth
      await this.#requests.ask({ type: 'auth', ...credential }, login => events.emit('login', login))
    } catch (cause) {
      const error =
        cause instanceof QuoteClientError
          ? cause
          : new QuoteClientError('auth_failed', undefined, { cause, retryable: true })
      // A credential that never changes would be refused again.
      if (typeof auth !== 'function' && !error.retryable && !this.#isLive) onFatal(error)
      throw error
    }
  }

  #takeQuotes(message: Quotes): void {
    let breaks = false
    for (const subscription of [...this.#deps.table.of(message.sid)])
      if (subscription.takeQuotes(message)) breaks = true
    if (!breaks) return
    this.#subscriber?.resync(message.sid).catch(error => {
      // A board that does not come again is there at the beginning of the next connection.
      if (this.#deps.table.has(message.sid)) this.#abandon(error)
    })
  }

  #abandon(error: QuoteClientError): void {
    this.#report(error)
    this.#connection.abandon('a request failed')
  }

  #report(error: QuoteClientError): void {
    if (!this.#connection.isOver) this.#deps.events.emit('error', error)
  }
}
