/** What one address has asked for. */
export interface PeerCounters {
  requests: number
  weight: number
  throttled: number
  banned: number
  /** Responses by status. */
  statuses: Record<string, number>
  /** Requests by path, without the query. */
  paths: Record<string, number>
  userAgents: Record<string, number>
}

const MAX_PEERS = 10_000
const MAX_NAMES = 64
const OTHER = 'other'

/** Counts requests per peer address, for tests and the demo's status. */
export class PeerLog {
  readonly #peers = new Map<string, PeerCounters>()

  count(peer: string, request: { status: number; weight: number; path: string; userAgent: string }): void {
    const counters = this.#of(peer)
    counters.requests++
    counters.weight += request.weight
    if (request.status === 429) counters.throttled++
    if (request.status === 418) counters.banned++
    increment(counters.statuses, String(request.status))
    increment(counters.paths, request.path)
    increment(counters.userAgents, request.userAgent)
  }

  counters(): Record<string, PeerCounters> {
    return structuredClone(Object.fromEntries(this.#peers))
  }

  #of(peer: string): PeerCounters {
    const name = this.#peers.has(peer) || this.#peers.size < MAX_PEERS ? peer : OTHER
    let counters = this.#peers.get(name)
    if (counters === undefined) {
      counters = { requests: 0, weight: 0, throttled: 0, banned: 0, statuses: {}, paths: {}, userAgents: {} }
      this.#peers.set(name, counters)
    }
    return counters
  }
}

function increment(counts: Record<string, number>, name: string): void {
  const known = Object.hasOwn(counts, name) || Object.keys(counts).length < MAX_NAMES ? name : OTHER
  counts[known] = (counts[known] ?? 0) + 1
}
