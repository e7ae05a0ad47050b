import type { SourceState } from '../quote/events.ts'
import type { Micros, Quote } from '../quote/quote.ts'
import type { Mapping, StreamSource } from '../sources/source.ts'
import type { BackOff } from './back-off.ts'
import type { FeedCounters } from './feed-counters.ts'
import type { FeedLimits } from './feed-limits.ts'
import { FeedSocket, type SocketEnd, type SocketSpec } from './feed-socket.ts'
import type { QuietLog } from './quiet-log.ts'
import type { Subscription } from './shards.ts'

export interface FeedConnectionSpec {
  /** Unique among all connections of all processes ever; a number per socket is appended. */
  id: string
  provider: string
  stream: StreamSource
  /** The stream's base URL, without a trailing slash; asked for at each attempt, because the venue may have moved. */
  findUrl: () => Promise<string>
  subscription: Subscription
  keyOf: (venueSymbol: string) => string | undefined
  limits: FeedLimits
  counters: FeedCounters
  log: QuietLog
  now: () => Micros
  /** The delays between attempts; reset when one has brought a quote. */
  backOff: Pick<BackOff, 'next' | 'reset'>
  /** Takes the quotes of one frame, in the order of arrival. */
  take: (quotes: readonly Quote[]) => void
  /** Told when the state changes: `ok` with the first data, `stale` when mute, `down` when the socket ended. */
  report: (state: SourceState, reason: string | null) => void
}

/** One socket's life and what it has brought so far. */
interface Session {
  readonly id: string
  readonly socket: FeedSocket
  hasData: boolean
  /** The streams, as `key|channel`, that have not brought anything yet; kept only for a socket that replaces another. */
  readonly awaited: Set<string>
  readonly nextCounter: () => number
}

/** A venue may ban for days; asking again each hour harms nobody, and a longer timer would overflow. */
const MAX_RETRY_AFTER_MS = 3_600_000

/**
 * Keeps one shard of a feed connected.
 *
 * Each attempt is a new {@link FeedSocket} with freshly built subscriptions; the delays between attempts grow until one brings a
 * quote. After a venue's shutdown notice the next socket is opened at once, and the old one is closed when every stream has come
 * through the new one, or after a while. What a socket says after it was given up is not heard.
 */
export class FeedConnection {
  readonly #spec: FeedConnectionSpec
  #current: Session | null = null
  #next: Session | null = null
  #retry: NodeJS.Timeout | undefined
  #rotation: NodeJS.Timeout | undefined
  #url = ''
  #sockets = 0
  #state: SourceState | null = null
  #paused = false
  #stopped = false

  constructor(spec: FeedConnectionSpec) {
    this.#spec = spec
  }

  start(): void {
    void this.#connect()
  }

  pause(): void {
    this.#paused = true
    for (const { socket } of this.#sessions()) socket.pause()
  }

  resume(): void {
    this.#paused = false
    for (const { socket } of this.#sessions()) socket.resume()
  }

  /** Closes the sockets; nothing arrives any more from the call on. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    clearTimeout(this.#rotation)
    const sessions = this.#sessions()
    this.#current = this.#next = null
    await Promise.all(sessions.map(({ socket }) => socket.close()))
  }

  #sessions(): Session[] {
    return [this.#current, this.#next].filter(session => session !== null)
  }

  async #connect(): Promise<void> {
    try {
      const url = await this.#spec.findUrl()
      if (this.#stopped) return
      this.#url = url + this.#spec.stream.path
      this.#current = this.#open()
    } catch (error) {
      if (this.#stopped) return
      this.#spec.counters.unresolved++
      this.#spec.log.warn({ provider: this.#spec.provider, error }, 'feed.unresolved')
      this.#report('down', 'unresolved')
      this.#reconnectIn(this.#spec.backOff.next())
    }
  }

  #open(): Session {
    const id = `${this.#spec.id}.${++this.#sockets}`
    let counter = 0
    const owner = {
      frame: (text: string) => this.#frame(session, text),
      binary: (bytes: number) => this.#unreadable('binary', `${bytes} bytes`),
      quiet: () => this.#quiet(session),
      end: (end: SocketEnd) => this.#ended(session, end)
    }
    const socket = new FeedSocket(this.#socketSpec(), owner, this.#spec.limits)
    const session: Session = { id, socket, hasData: false, awaited: new Set(), nextCounter: () => ++counter }
    this.#spec.counters.connects++
    if (this.#paused) socket.pause()
    return session
  }

  #socketSpec(): SocketSpec {
    const { stream, subscription } = this.#spec
    let id = 0
    const messages = stream.subscribe(subscription.channels, subscription.keys, () => ++id)
    return { url: this.#url, messages, messageIntervalMs: stream.messageIntervalMs }
  }

  #frame(session: Session, text: string): boolean {
    const { counters, provider, keyOf, stream } = this.#spec
    const now = this.#spec.now()
    counters.frames++
    const mapping = stream.mapFrame(text, {
      provider,
      receivedTime: now,
      observedTime: now,
      slot: null,
      egress: null,
      connection: session.id,
      nextCounter: session.nextCounter,
      keyOf
    })
    return this.#handle(session, mapping)
  }

  #handle(session: Session, mapping: Mapping): boolean {
    const { counters, log, provider } = this.#spec
    switch (mapping.kind) {
      case 'quotes':
        for (const { code } of mapping.refused) counters.refused.add(code)
        return this.#take(session, mapping.quotes)
      case 'shutdown':
        counters.shutdowns++
        if (session === this.#current) this.#rotate()
        return false
      case 'error':
        counters.errors.add(mapping.code)
        log.warn({ provider, connection: session.id, code: mapping.code, said: mapping.message }, 'feed.error')
        return false
      case 'unreadable':
        this.#unreadable(mapping.reason, mapping.sample)
        return false
      case 'ignored':
        counters.ignored.add(mapping.reason)
        return false
      case 'instruments':
        counters.ignored.add('instruments')
        return false
    }
  }

  #take(session: Session, quotes: readonly Quote[]): boolean {
    if (quotes.length === 0) return false
    this.#spec.counters.quotes += quotes.length
    session.hasData = true
    this.#spec.backOff.reset()
    this.#spec.take(quotes)
    if (session === this.#next) this.#arrived(session, quotes)
    else this.#report('ok', null)
    return true
  }

  #unreadable(reason: string, sample: string): void {
    this.#spec.counters.unreadable.add(reason)
    this.#spec.log.warn({ provider: this.#spec.provider, reason, sample }, 'feed.unreadable')
  }

  #quiet(session: Session): void {
    if (session === this.#current) this.#report('stale', 'mute')
  }

  #rotate(): void {
    if (this.#next !== null) return
    const session = this.#open()
    const { channels, keys } = this.#spec.subscription
    for (const channel of channels) for (const key of keys) session.awaited.add(`${key}|${channel}`)
    this.#next = session
    this.#rotation = setTimeout(() => {
      session.awaited.clear()
      if (session.hasData) this.#promote()
    }, this.#spec.limits.rotationMs)
  }

  #arrived(session: Session, quotes: readonly Quote[]): void {
    for (const { key, src } of quotes) session.awaited.delete(`${key}|${src.channel}`)
    if (session.awaited.size === 0) this.#promote()
  }

  #promote(): void {
    const old = this.#current
    this.#succeed()
    this.#spec.counters.rotations++
    this.#spec.log.info({ provider: this.#spec.provider, connection: this.#current?.id }, 'feed.rotated')
    void old?.socket.close()
  }

  /** The next session, if there is one, becomes the current one. */
  #succeed(): void {
    clearTimeout(this.#rotation)
    this.#current = this.#next
    this.#next = null
    if (this.#current?.hasData) this.#report('ok', null)
  }

  #ended(session: Session, { reason, detail, retryAfterMs }: SocketEnd): void {
    const { counters, log, provider } = this.#spec
    counters.ends.add(reason)
    log.warn({ provider, connection: session.id, reason, detail }, 'feed.ended')
    if (session === this.#next) {
      // The one that is to close still lives; when it ends too, the back-off begins.
      clearTimeout(this.#rotation)
      this.#next = null
      return
    }
    if (session !== this.#current) return
    this.#succeed()
    if (this.#current?.hasData) return
    this.#report('down', reason)
    if (this.#current === null) this.#reconnectIn(Math.max(this.#spec.backOff.next(), retryAfterMs))
  }

  #reconnectIn(ms: number): void {
    if (this.#stopped) return
    this.#retry = setTimeout(() => void this.#connect(), Math.min(ms, MAX_RETRY_AFTER_MS))
  }

  #report(state: SourceState, reason: string | null): void {
    if (state === this.#state) return
    this.#state = state
    this.#spec.report(state, reason)
  }
}
