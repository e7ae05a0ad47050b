import { WebSocket } from 'ws'
import { type Broken, Continuity, type RowPlace } from './continuity.ts'
import { Latencies } from './statistics.ts'

/** What followers count together. */
export interface FollowerCounts extends Broken {
  rows: number
  /** Resumptions by what the gateway said. */
  resumed: Record<string, number>
  /** Refusals of the gateway by their names. */
  refused: Record<string, number>
  /** Between two frames with quotes of one client. */
  gaps: Latencies
  longestGapMs: number
}

export interface FollowerOptions {
  /** Those of the gateways. */
  urls: readonly string[]
  /** Which of them comes first. */
  first: number
  keys: readonly string[]
  intervalMs: number
  counts: FollowerCounts
  /** It had all it wants, and its connection ended. */
  onLost: () => void
  /** It has all it wants. */
  onLive: () => void
}

interface Message {
  type: string
  sid: string
  session: string
  resumeToken: string
  epoch: string
  q: number
  final?: boolean
  recovered?: boolean
  reason?: string
  name: string
  inMs: number
  reconnectAfterMs: number
  data: RowPlace[]
  pos: { sid: string; q: number }[]
  subs: { sid: string }[]
}

/** Full jitter: all clients may lose their gateway at one moment. */
const SPREAD_MS = 500

export function followerCounts(): FollowerCounts {
  return { rows: 0, lost: 0, doubled: 0, resumed: {}, refused: {}, gaps: new Latencies(), longestGapMs: 0 }
}

/** A client as it should be: keeps the rule of `q` and `p`, leaves when it is told to, and resumes on the next gateway. */
export class Follower {
  isLive = false
  readonly #options: FollowerOptions
  readonly #continuity: Continuity
  #gateway: number
  #socket: WebSocket | undefined
  #isMoving = false
  #hasLeft = false
  /** With what it may go on, and with what it might after this connection. */
  #ticket: { session: string; resumeToken: string } | undefined
  #nextTicket: { session: string; resumeToken: string } | undefined
  #epoch = ''
  #sid = ''
  #q = 0
  #quotesAt: number | null = null

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#continuity = new Continuity(options.counts)
    this.#gateway = options.first
  }

  connect(): void {
    const { urls, onLost } = this.#options
    const socket = new WebSocket(urls[this.#gateway] as string, 'quotes.v1.json', { perMessageDeflate: false })
    this.#socket = socket
    socket.on('message', data => this.#take(socket, JSON.parse(String(data)) as Message))
    // The close event follows.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.#hasLeft) return
      if (this.isLive) onLost()
      this.isLive = false
      this.#gateway = (this.#gateway + 1) % urls.length
      const waitMs = this.#isMoving ? 0 : Math.random() * SPREAD_MS
      this.#isMoving = false
      setTimeout(() => this.connect(), waitMs)
    })
  }

  /** For good. */
  leave(): void {
    this.#hasLeft = true
    this.isLive = false
    this.#socket?.close()
  }

  #take(socket: WebSocket, message: Message): void {
    if (this.#hasLeft) return
    switch (message.type) {
      case 'welcome':
        this.#begin(socket, message)
        break
      case 'subscribed':
        this.#ticket = this.#nextTicket
        this.#sid = message.subs[0]?.sid ?? ''
        break
      case 'resumed':
        this.#resumed(message)
        break
      case 'snapshot':
        for (const row of message.data) this.#continuity.begin(row)
        this.#q = message.q
        this.#epoch = message.epoch
        if (message.final === true) this.#live()
        break
      case 'hb':
        for (const { q } of message.pos) this.#q = q
        break
      case 'quotes':
        this.#quotes(message)
        break
      case 'error':
        count(this.#options.counts.refused, message.name)
        socket.close()
        break
      case 'bye':
        // It may stay until then, and is served meanwhile.
        if (message.inMs > 0) setTimeout(() => this.#moveFrom(socket), message.reconnectAfterMs)
    }
  }

  #begin(socket: WebSocket, { session, resumeToken }: Message): void {
    const { keys, intervalMs } = this.#options
    const request =
      this.#ticket === undefined
        ? { type: 'subscribe', subs: [{ keys, fields: ['last', 'bid', 'ask'], intervalMs }] }
        : { type: 'resume', ...this.#ticket, epoch: this.#epoch, pos: [{ sid: this.#sid, q: this.#q }] }
    this.#nextTicket = { session, resumeToken }
    socket.send(JSON.stringify({ ...request, id: 1 }))
  }

  #resumed({ recovered, reason }: Message): void {
    this.#ticket = this.#nextTicket
    count(this.#options.counts.resumed, recovered === true ? 'recovered' : (reason ?? ''))
    // A snapshot follows for what was not recovered.
    if (recovered === true) this.#live()
    else this.#continuity.clear()
  }

  #quotes({ data, q }: Message): void {
    const { counts } = this.#options
    const now = performance.now()
    if (this.#quotesAt !== null) {
      const gapMs = now - this.#quotesAt
      counts.gaps.add(gapMs * 1_000)
      counts.longestGapMs = Math.max(counts.longestGapMs, gapMs)
    }
    this.#quotesAt = now
    counts.rows += data.length
    for (const row of data) this.#continuity.add(row)
    this.#q = q
  }

  #moveFrom(socket: WebSocket): void {
    if (this.#socket !== socket) return
    this.#isMoving = true
    socket.close()
  }

  #live(): void {
    this.isLive = true
    this.#options.onLive()
  }
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
