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
}

/** What a client shows and says, as values that may leave a page. */
export interface ClientReport {
  counts: ClientCounts
  state: string
  /** Up to where nothing is missing; null while something is. */
  position: { epoch: string; q: number } | null
  rows: Row[]
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
    fatal: 0
  }
  /** Positions by key, as the events told them. */
  readonly #told = new Map<string, number>()
  #epoch = ''

  constructor(Client: typeof QuoteClient, urls: readonly string[]) {
    const counts = this.#counts
    const hear = (text: string) => this.#hear(text)
    class HeardSocket extends WebSocket {
      constructor(url: string, protocol: string) {
        super(url, protocol)
        this.addEventListener('message', ({ data }) => hear(String(data)))
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
      rows: [...subscription.board.values()]
    })
  }

  get counts(): ClientCounts {
    return this.#counts
  }

  get report(): ClientReport {
    return this.#report()
  }

  close(): void {
    this.#client.close()
  }

  #hear(text: string): void {
    const { type, recovered, reason } = JSON.parse(text) as { type: string; recovered?: boolean; reason?: string }
    if (type === 'resynced') this.#counts.resyncs++
    if (type !== 'resumed' || reason === 'unknown_session') return
    this.#counts.resumed++
    if (recovered === true) this.#counts.recovered++
  }
}
