/** A row of the board, as the protocol sends it: prices are texts, times microseconds. */
export interface QuoteRow {
  key: string
  q: number
  p?: number
  n?: number
  last?: string | null
  open?: string | null
  bid?: string | null
  ask?: string | null
  volume?: string | null
  status?: string
  receivedTime?: number
}

interface Message {
  type: string
  sid?: string
  final?: boolean
  data?: QuoteRow[]
  heartbeatMs?: number
  time?: number
  reconnectAfterMs?: number
  subs?: { sid: string | null }[]
  id?: string | number | null
  state?: string
}

export interface StreamHandlers {
  /** The whole board; what was known before is void. */
  onSnapshot(rows: QuoteRow[]): void
  onRow(row: QuoteRow): void
  /** Whether quotes flow, and the gateway's clock minus this one in microseconds. */
  onState(isLive: boolean, text: string): void
  onClock(offset: number): void
  /** A source or an instrument is `ok`, or is not. */
  onStatus(id: string, state: string): void
  /** A row did not follow the one before it; the board is asked for again. */
  onGap(): void
}

/** Silence after which the connection counts as dead. */
const SILENCE_MS = 5000
/** The close code of a connection that ended without one. */
const ABNORMAL = 1006
const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 15_000

/** Follows all instruments over one WebSocket: checks that no row is missing, and connects again when the connection ends. */
export class QuoteStream {
  readonly #url: string
  readonly #handlers: StreamHandlers
  readonly #have = new Map<string, number>()
  /** The connection in use; null while there is none. */
  #socket: WebSocket | null = null
  #pages: QuoteRow[] = []
  /** Whether the snapshot that repairs a gap is on its way. */
  #isRepairing = false
  #attempt = 0
  #told: number | null = null
  #silence: ReturnType<typeof setTimeout> | undefined

  constructor(url: string, handlers: StreamHandlers) {
    this.#url = url
    this.#handlers = handlers
  }

  connect(): void {
    this.#handlers.onState(false, this.#attempt === 0 ? 'connecting' : 'reconnecting')
    this.#told = null
    const socket = new WebSocket(this.#url, 'quotes.v1.json')
    this.#socket = socket
    this.#watch(socket)
    socket.addEventListener('message', ({ data }) => {
      if (socket !== this.#socket) return
      this.#watch(socket)
      this.#receive(socket, JSON.parse(String(data)) as Message)
    })
    socket.addEventListener('close', ({ code }) => this.#closed(socket, code), { once: true })
  }

  #watch(socket: WebSocket): void {
    clearTimeout(this.#silence)
    this.#silence = setTimeout(() => this.#abandon(socket), SILENCE_MS)
  }

  /** Ends a connection without waiting for the other side, whose answer may never come. */
  #abandon(socket: WebSocket): void {
    socket.close()
    this.#closed(socket, ABNORMAL)
  }

  #receive(socket: WebSocket, message: Message): void {
    switch (message.type) {
      case 'welcome':
        if (message.time !== undefined) this.#handlers.onClock(message.time - Date.now() * 1000)
        socket.send(JSON.stringify({ type: 'subscribe', id: 1, subs: [{ patterns: ['*:*:*'], intervalMs: 200 }] }))
        break
      case 'snapshot':
        this.#takePage(message)
        break
      case 'quotes':
        for (const row of message.data ?? []) this.#take(socket, row)
        break
      case 'status':
        this.#handlers.onStatus(String(message.id), message.state ?? 'unknown')
        break
      case 'bye':
        this.#told = message.reconnectAfterMs ?? null
        break
      case 'error':
        // What was asked for does not come: a new connection begins with the whole board.
        this.#abandon(socket)
        break
    }
  }

  #takePage({ data = [], final }: Message): void {
    this.#pages.push(...data)
    if (final !== true) return
    const rows = this.#pages
    this.#pages = []
    this.#isRepairing = false
    this.#have.clear()
    for (const { key, q } of rows) this.#have.set(key, q)
    this.#attempt = 0
    this.#handlers.onSnapshot(rows)
    this.#handlers.onState(true, 'live')
  }

  /** A row continues what is held when `p <= have < q`. */
  #take(socket: WebSocket, row: QuoteRow): void {
    const have = this.#have.get(row.key)
    if (have !== undefined && row.q <= have) return
    if (have !== undefined && (row.p ?? 0) > have) this.#repair(socket)
    this.#have.set(row.key, row.q)
    this.#handlers.onRow(row)
  }

  /** Asks for the board again, once for all the rows that show the same gap. */
  #repair(socket: WebSocket): void {
    if (this.#isRepairing) return
    this.#isRepairing = true
    this.#handlers.onGap()
    socket.send(JSON.stringify({ type: 'resync', id: 2 }))
  }

  #closed(socket: WebSocket, code: number): void {
    if (socket !== this.#socket) return
    this.#socket = null
    clearTimeout(this.#silence)
    this.#pages = []
    this.#isRepairing = false
    if (code >= 4000 && code < 4100) {
      this.#handlers.onState(false, `refused (${code})`)
      return
    }
    // Full jitter: clients of a gateway that ends do not come back all at once.
    const limit = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempt++)
    this.#handlers.onState(false, 'disconnected')
    setTimeout(() => this.connect(), this.#told ?? Math.random() * limit)
  }
}
