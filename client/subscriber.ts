import { QuoteClientError } from './client-error.ts'
import type { LiveSubscription } from './live-subscription.ts'
import type { ResumePolicy, SubscriptionChanges, SubscriptionInfo, SubscriptionRequest, Welcome } from './messages.ts'
import type { Requests } from './requests.ts'
import type { SubscriptionTable } from './subscription-table.ts'

/** The session of a connection, which a later one may resume. */
export interface ResumePoint {
  session: string
  resumeToken: string
}

export interface SubscriberDeps {
  readonly requests: Requests
  readonly table: SubscriptionTable
  readonly policy: ResumePolicy
  /** The gateway's answers cannot be relied upon, or do not come: another connection is needed. */
  onBroken(error: QuoteClientError): void
}

const RETRY_MS = 1000
/** Of a message's bytes this is for what stands around its subscriptions. */
const ENVELOPE_BYTES = 256

/** Brings what one connection serves in line with the table of subscriptions. */
export class Subscriber {
  readonly #deps: SubscriberDeps
  readonly #welcome: Welcome
  /** In a subscribe that was not answered yet. */
  readonly #asked = new Set<LiveSubscription>()
  #retry: ReturnType<typeof setTimeout> | undefined

  constructor(welcome: Welcome, deps: SubscriberDeps) {
    this.#welcome = welcome
    this.#deps = deps
  }

  /** Asks for the subscriptions that the gateway does not serve yet. */
  flush(): void {
    const { table } = this.#deps
    const missing = [...table.all].filter(one => !table.isBound(one) && !this.#asked.has(one))
    if (missing.length > 0) void this.#subscribe(missing)
  }

  /** Goes on with the subscriptions of an earlier connection; what is not served then, `flush` asks for. */
  async resume(point: ResumePoint): Promise<void> {
    const { table, policy, requests } = this.#deps
    const known = [...table.all].filter(({ info }) => info?.sid != null)
    if (known.length === 0 || !this.#welcome.features?.includes('resume')) return
    const epoch = known.find(({ position }) => position !== null)?.position?.epoch ?? ''
    const pos = known.flatMap(({ info, position }) =>
      position?.epoch === epoch ? [{ sid: info?.sid as string, q: position.q }] : []
    )
    try {
      await requests.ask({ type: 'resume', ...point, epoch, pos, policy }, ({ subs = [] }) => {
        for (const subscription of known) {
          const sid = subscription.info?.sid
          // One that was slower than asked for is as asked for again.
          const sub = subs.find(one => one.sid === sid || one.from === sid)
          if (sub !== undefined && !subscription.hasEnded) this.#bind(subscription, sub)
        }
        for (const { sid } of subs) this.#forget(sid)
      })
    } catch (error) {
      if (isBroken(error)) throw error
    }
  }

  /** @throws QuoteClientError as the gateway refused; then nothing has changed. */
  async update(subscription: LiveSubscription, changes: SubscriptionChanges): Promise<void> {
    const { table, requests } = this.#deps
    if (!table.isBound(subscription)) throw notConnected()
    const sid = subscription.info?.sid as string
    const request = Object.freeze({ ...subscription.request, ...changes })
    const take = (info: SubscriptionInfo | undefined): void => {
      if (info === undefined) throw new QuoteClientError('bad_frame')
      if (subscription.hasEnded) {
        this.#forget(info.sid)
        return
      }
      table.unbind(subscription)
      subscription.request = request
      this.#bind(subscription, info)
    }
    // Others that share the sid go on under it.
    if ([...table.of(sid)].length > 1)
      await requests.ask({ type: 'subscribe', subs: [request] }, ({ subs }) => take(subs[0]))
    else await requests.ask({ type: 'update', sid, ...changes }, ({ sub }) => take(sub))
  }

  async list(): Promise<SubscriptionInfo[]> {
    return this.#deps.requests.ask({ type: 'list' }, ({ subs }) => subs)
  }

  async resync(sid: string): Promise<void> {
    await this.#deps.requests.ask({ type: 'resync', sids: [sid] }, () => {})
  }

  async unsubscribe(sid: string): Promise<void> {
    // What the gateway no longer knows, or hears no more, is what was wanted.
    await this.#deps.requests.ask({ type: 'unsubscribe', sids: [sid] }, () => {}).catch(() => {})
  }

  end(): void {
    clearTimeout(this.#retry)
  }

  async #subscribe(batch: readonly LiveSubscription[]): Promise<void> {
    const requested = batch.map(one => this.#request(one))
    for (const one of batch) this.#asked.add(one)
    const settle = () => {
      for (const one of batch) this.#asked.delete(one)
    }
    try {
      const { limits } = this.#welcome
      const bytes = ENVELOPE_BYTES + new TextEncoder().encode(JSON.stringify(requested)).length
      if (bytes > limits?.messageBytes)
        throw new QuoteClientError('too_big', `expected at most ${limits.messageBytes} bytes, got ${bytes}`)
      await this.#deps.requests.ask({ type: 'subscribe', subs: requested }, ({ subs, rejected = [] }) => {
        settle()
        for (const [index, subscription] of batch.entries()) {
          const info = subs[index]
          if (info === undefined) throw new QuoteClientError('bad_frame')
          const { keys = [], patterns = [], snapshot = true } = subscription.request
          subscription.rejected = rejected.filter(
            ({ key, pattern }) => keys.includes(key ?? '') || patterns.includes(pattern ?? '')
          )
          if (subscription.hasEnded) this.#forget(info.sid)
          else if (info.sid === null) this.#fail(subscription, new QuoteClientError('unknown'))
          else {
            const since = info.recovered === true ? requested[index]?.since : undefined
            if (since !== undefined) subscription.goOn(since.epoch, since.q)
            else if (!snapshot && subscription.mode !== 'latest') subscription.goOn(info.epoch, info.q)
            this.#bind(subscription, info)
          }
        }
      })
    } catch (error) {
      settle()
      this.#afterRefusal(batch, error)
    }
  }

  /** From where it stands when the gateway can go on from there. */
  #request({ request, position }: LiveSubscription): SubscriptionRequest {
    if (position === null) return request
    const { policy } = this.#deps
    return { ...request, since: this.#welcome.features?.includes('since') ? { ...position, policy } : undefined }
  }

  #afterRefusal(batch: readonly LiveSubscription[], error: unknown): void {
    if (!(error instanceof QuoteClientError)) throw error
    if (isBroken(error)) {
      this.#deps.onBroken(error)
    } else if (error.retryable) {
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => this.flush(), error.retryAfterMs ?? RETRY_MS)
    } else if (batch.length > 1) {
      // Each may be good alone.
      for (const one of batch) void this.#subscribe([one])
    } else {
      for (const one of batch) this.#fail(one, error)
    }
  }

  #bind(subscription: LiveSubscription, info: SubscriptionInfo): void {
    subscription.info = info
    if (info.sid !== null) this.#deps.table.bind(subscription, info.sid)
  }

  /** Ends what the gateway serves and nobody wants. */
  #forget(sid: string | null): void {
    if (sid !== null && !this.#deps.table.has(sid)) void this.unsubscribe(sid)
  }

  #fail(subscription: LiveSubscription, error: QuoteClientError): void {
    this.#deps.table.all.delete(subscription)
    subscription.end(error)
  }
}

export function notConnected(): QuoteClientError {
  return new QuoteClientError('not_connected')
}

/** Whether an error says nothing about what was asked, so that the connection is of no more use. */
function isBroken(error: unknown): boolean {
  return (
    !(error instanceof QuoteClientError) || ['timeout', 'bad_frame', 'connection_lost', 'closed'].includes(error.code)
  )
}
