import type { ErrorCode, QuoteClient, Row } from '../../client/index.ts'

/** What a client went through. */
export interface ClientCounts {
  /** Times that it was let in, by gateway. */
  connections: Record<string, number>
  /** Sessions that went on, and those of them that were given all that was missed. */
  resumed: number
  recovered: number
  /** Snapshots, and those of them that jumped over updates. */
  snapshots: number
  jumps: number
  /** Boards that were asked for again because of a loss. */
  resyncs: number
  losses: number
  /** Rows, and the updates that were merged into them. */
  rows: number
  updates: number
  lags: number
  /** Rows that replaced a newer one of the same epoch. */
  regressions: number
  errors: Partial<Record<ErrorCode, number>>
  /** Errors after which the client does not go on by itself. */
  fatal: number
  /** Frames with quotes that were kept from it. */
  dropped: number
}

/** What a client shows and says, as values that may leave a page. */
export interface ClientReport {
  counts: ClientCounts
  state: string
  /** Up to where nothing is missing; null while something is. */
  position: { epoch: string; q: number } | null
  rows: Row[]
  /** Instruments of which a row was kept from it and that had no row since: nothing tells a client of such a loss. */
  lacking: number
}

interface HeardFrame {
  type: string
  data?: { key: string }[]
  recovered?: boolean
  reason?: string
}

/** Shorter than the client's own choice, so that gateways are away for longer than it waits. */
const MAX_RETRY_MS = 1_000

/**
 * Follows everything with a client and counts what that tells, and the answers that it is given but keeps to itself. It runs in Node and,
 * as it stands here, in a page: it imports nothing.
 */
export class ClientWitness {
  readonly #client: QuoteClient
  readonly #report: () => ClientReport
  readonly #counts: ClientCounts = {
    connections: {},
    resumed: 0,
    recovered: 0,
    snapshots: 0,
    jumps: 0,
    resyncs: 0,
    losses: 0,
    rows: 0,
    updates: 0,
    lags: 0,
    regressions: 0,
    errors: {},
    fatal: 0,
    dropped: 0
  }
  readonly #drops: (keys: string[]) => boolean
  readonly #lacking = new Set<string>()
  /** Positions by key, as the events told them. */
  readonly #told = new Map<string, number>()
  #epoch = ''

  /** @param drops asked for each frame with quotes, by the keys of its rows, whether it is kept from the client. */
  constructor(Client: typeof QuoteClient, urls: readonly string[], drops: (keys: string[]) => boolean = () => false) {
    this.#drops = drops
    const counts = this.#counts
    const passes = (text: string) => this.#passes(JSON.parse(text) as HeardFrame)
    class HeardSocket extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol)
        // Before any listener of the client.
        this.addEventListener('message', event => {
          if (!passes(String(event.data))) event.stopImmediatePropagation()
        })
      }
    }
    const client = new Client(urls, { maxRetryMs: MAX_RETRY_MS, WebSocket: HeardSocket })
    const subscription = client.subscribe({ patterns: ['*:*:*'] })
    client.on('state', ({ state, url }) => {
      if (state === 'live') counts.connections[url] = (counts.connections[url] ?? 0) + 1
    })
    client.on('error', ({ code, retryable }) => {
      counts.errors[code] = (counts.errors[code] ?? 0) + 1
      if (!retryable) counts.fatal++
    })
    subscription.on('snapshot', ({ rows, epoch, missed }) => {
      counts.snapshots++
      if (missed) counts.jumps++
      if (epoch !== this.#epoch) this.#told.clear()
      this.#epoch = epoch
      for (const { key, q } of rows.values()) {
        if (q < (this.#told.get(key) ?? 0)) counts.regressions++
        this.#told.set(key, q)
      }
    })
    subscription.on('rows', ({ rows }) => {
      for (const { key, q, n = 0 } of rows) {
        counts.rows++
        counts.updates += n
        if (q <= (this.#told.get(key) ?? 0)) counts.regressions++
        this.#told.set(key, q)
      }
    })
    subscription.on('gap', () => counts.losses++)
    subscription.on('lag', () => counts.lags++)
    this.#client = client
    this.#report = () => ({
      counts,
      state: client.state,
      position: subscription.position,
      rows: [...subscription.board.values()],
      lacking: this.#lacking.size
    })
  }

  get report(): ClientReport {
    return this.#report()
  }

  close(): void {
    this.#client.close()
  }

  /** @returns whether the client hears of it. */
  #passes({ type, data = [], recovered, reason }: HeardFrame): boolean {
    const counts = this.#counts
    const keys = data.map(({ key }) => key)
    if (type === 'quotes' && this.#drops(keys)) {
      counts.dropped++
      for (const key of keys) this.#lacking.add(key)
      return false
    }
    for (const key of keys) this.#lacking.delete(key)
    if (type === 'resynced') counts.resyncs++
    if (type === 'resumed' && reason !== 'unknown_session') counts.resumed++
    if (type === 'resumed' && recovered === true) counts.recovered++
    return true
  }
}
