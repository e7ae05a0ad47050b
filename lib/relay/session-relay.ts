import type { Quote } from '../quote/quote.ts'
import type { Broker, BrokerSession, Verdict } from './broker-session.ts'
import { checkSendable } from './check-sendable.ts'
import { ConfirmedIds } from './confirmed-ids.ts'
import { newRelayCounters, type Relay, type RelayCounters } from './relay.ts'
import { RelayError, type RelayErrorCode } from './relay-error.ts'
import { SendWindow } from './send-window.ts'

export interface SessionRelayOptions {
  /** Messages that wait for a confirmation at once, at the most; the broker may allow fewer. */
  maxUnconfirmed: number
  /** Ids that are remembered of batches that were confirmed in part. */
  maxRemembered: number
  /** The pause after a connection failed or ended: doubled until one has confirmed something, up to the cap, and shortened at random. */
  retryBaseMs: number
  retryCapMs: number
  /** A broker that is silent for about two of these is taken as away. */
  heartbeatS: number
  /** What nobody would get is confirmed nevertheless. */
  dropUnroutable: boolean
  counters: RelayCounters
  /** Called when the broker begins to be away, and when it is back. */
  onAway: (error: RelayError) => void
  onBack: () => void
}

export const SESSION_RELAY_DEFAULTS = {
  maxUnconfirmed: 2_048,
  maxRemembered: 65_536,
  retryBaseMs: 100,
  retryCapMs: 5_000,
  heartbeatS: 10,
  dropUnroutable: false,
  onAway: () => undefined,
  onBack: () => undefined
} as const satisfies Omit<SessionRelayOptions, 'counters'>

interface Live {
  session: BrokerSession
  window: SendWindow
}

/** From the worst to the best: which of them a batch is rejected with. */
const CODES = [
  ['lost', 'connection_lost', 'the connection ended before the broker had confirmed'],
  ['nacked', 'refused', 'the broker did not take'],
  ['returned', 'unroutable', 'nobody would get']
] as const satisfies (readonly [Verdict, RelayErrorCode, string])[]

/**
 * A relay over one connection at a time. When that has ended, the next batch that comes makes another, after a pause; those that come
 * meanwhile are rejected at once, so that they wait in the stream and not here.
 */
export class SessionRelay implements Relay {
  readonly #broker: Broker
  readonly #options: SessionRelayOptions
  readonly #confirmedIds: ConfirmedIds
  #live: Promise<Live> | undefined
  /** Why there is no connection, and until when none is made. */
  #absence: { error: RelayError; until: number } | undefined
  #failures = 0
  #wasConnected = false
  #isAway = false
  #closed = false

  constructor(broker: Broker, options: Partial<SessionRelayOptions> = {}) {
    this.#broker = broker
    this.#options = Object.freeze({ ...SESSION_RELAY_DEFAULTS, counters: newRelayCounters(), ...options })
    this.#confirmedIds = new ConfirmedIds(this.#options.maxRemembered)
  }

  /** Connects, so that what is set wrong is known at the start. A broker that is away is not waited for. @throws RelayError */
  async open(): Promise<this> {
    try {
      await this.#connected()
    } catch (error) {
      if (!(error instanceof RelayError) || !error.isAway) throw error
      this.#isAway = true
      this.#options.onAway(error)
    }
    return this
  }

  async publish(quotes: readonly Quote[]): Promise<void> {
    for (const quote of quotes) {
      this.#broker.check(quote.key)
      checkSendable(quote)
    }
    const due = this.#confirmedIds.without(quotes)
    this.#options.counters.spared += quotes.length - due.length
    if (due.length > 0) {
      const error = await this.#send(await this.#connected(), due)
      if (error !== undefined) {
        this.#confirmedIds.add(due, error.unconfirmed)
        throw error
      }
    }
    this.#confirmedIds.remove(quotes)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const live = await this.#live?.catch(() => undefined)
    live?.window.close()
    await live?.session.close()
  }

  /** @returns why not all were confirmed, when every message is settled. */
  async #send({ session, window }: Live, quotes: readonly Quote[]): Promise<RelayError | undefined> {
    const failed: Record<Exclude<Verdict, 'confirmed'>, Quote[]> = { lost: [], nacked: [], returned: [] }
    const settled = Promise.withResolvers<void>()
    let open = quotes.length
    const settle = (quote: Quote, verdict: Verdict) => {
      if (this.#isConfirmed(verdict)) this.#failures = 0
      else if (verdict !== 'confirmed') failed[verdict].push(quote)
      if (--open === 0) settled.resolve()
    }
    for (const quote of quotes) {
      if (!window.tryEnter() && !(await window.enter())) {
        settle(quote, 'lost')
        continue
      }
      const isWritable = session.send(quote, verdict => {
        window.leave()
        settle(quote, verdict)
      })
      if (!isWritable) window.setWritable(false)
    }
    await settled.promise
    const unconfirmed = [...failed.lost, ...failed.nacked, ...failed.returned]
    if (unconfirmed.length === 0) return undefined
    const [verdict, code, words] = CODES.find(([verdict]) => failed[verdict].length > 0) ?? CODES[0]
    const [first] = failed[verdict]
    const text = `${words} ${unconfirmed.length} of ${quotes.length} quotes, the first of ${first?.key}`
    return new RelayError(this.#closed ? 'closed' : code, text, { unconfirmed })
  }

  /** Counts how a message ended. @returns whether it is to be taken as confirmed. */
  #isConfirmed(verdict: Verdict): boolean {
    const { counters, dropUnroutable } = this.#options
    counters[verdict]++
    return verdict === 'confirmed' || (verdict === 'returned' && dropUnroutable)
  }

  #connected(): Promise<Live> {
    if (this.#closed) return Promise.reject(new RelayError('closed', 'the relay was closed'))
    this.#live ??= this.#connect()
    return this.#live
  }

  async #connect(): Promise<Live> {
    const { counters, maxUnconfirmed, onBack } = this.#options
    // Not in the same turn: whoever asks gets this promise before it may be given up.
    await undefined
    if (this.#absence !== undefined && performance.now() < this.#absence.until) {
      this.#live = undefined
      throw this.#absence.error
    }
    let window: SendWindow | undefined
    try {
      const session = await this.#broker.connect({
        onWritable: () => window?.setWritable(true),
        onLost: error => {
          window?.close()
          this.#lose(error)
        }
      })
      if (this.#closed) {
        await session.close()
        throw new RelayError('closed', 'the relay was closed')
      }
      window = new SendWindow(Math.min(maxUnconfirmed, session.maxUnconfirmed))
      if (this.#wasConnected) counters.reconnects++
      this.#wasConnected = true
      this.#absence = undefined
      if (this.#isAway) onBack()
      this.#isAway = false
      return { session, window }
    } catch (error) {
      counters.failedConnects++
      this.#lose(error as RelayError)
      throw error
    }
  }

  #lose(error: RelayError): void {
    const { retryBaseMs, retryCapMs, onAway } = this.#options
    const pauseMs = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(this.#failures++, 20)) * (1 - Math.random() / 2)
    this.#live = undefined
    this.#absence = { error, until: performance.now() + pauseMs }
    // At the first connection whoever opens the relay is told by its rejection.
    if (this.#closed || this.#isAway || !this.#wasConnected) return
    this.#isAway = true
    onAway(error)
  }
}
