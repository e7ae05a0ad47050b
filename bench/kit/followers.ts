import { answerCalls, readTask } from './answer-calls.ts'
import { Follower, followerCounts } from './follower.ts'
import { Latencies } from './statistics.ts'

/** A process of clients that follow 20 symbols each over one of several gateways. */
export interface FollowersTask {
  ports: readonly number[]
  clients: number
  /** Of the publisher's. */
  symbols: number
  intervalMs: number
  /** Whether clients begin on all gateways, or all on the first one. */
  spread: boolean
}

export interface Followed {
  /** Clients that hold a snapshot, or were given what they missed. */
  live: number
  rows: number
  lost: number
  doubled: number
  /** Clients that left, each with a new one in its place. */
  replaced: number
  resumed: Record<string, number>
  refused: Record<string, number>
  /** Since the first connection was lost until the last client was live again; null while one is not. */
  recoveryMs: number | null
}

/** Between two frames with quotes of one client, in milliseconds. */
export interface Gaps {
  p50: number
  p99: number
  longest: number
}

const SYMBOLS_PER_CLIENT = 20
/** New connections of the beginning come at this rate. */
const STARTS_PER_MS = 1

const { ports, clients: size, symbols, intervalMs, spread } = readTask<FollowersTask>()
const urls = ports.map(port => `ws://127.0.0.1:${port}/v1/stream`)
const counts = followerCounts()
let replaced = 0
let lostAt: number | null = null
let liveAt = 0
const clients = Array.from({ length: size }, (_, place) => follower(place))

answerCalls(null, {
  tell(): Followed {
    const { rows, lost, doubled, resumed, refused } = counts
    const live = clients.filter(({ isLive }) => isLive).length
    const recoveryMs = lostAt !== null && live === size ? Math.round(liveAt - lostAt) : null
    return { live, rows, lost, doubled, replaced, resumed, refused, recoveryMs }
  },
  /** Since the last call. */
  takeGaps(): Gaps {
    const { gaps, longestGapMs } = counts
    Object.assign(counts, { gaps: new Latencies(), longestGapMs: 0 })
    return { p50: gaps.percentile(0.5), p99: gaps.percentile(0.99), longest: Math.round(longestGapMs) }
  },
  /** From now on clients leave and others come in their places, this share of all per minute. */
  churn(share: number) {
    setInterval(replaceOne, 60_000 / (share * size))
  }
})
for (const [place, client] of clients.entries()) setTimeout(() => client.connect(), place / STARTS_PER_MS)

function follower(place: number): Follower {
  const step = Math.max(1, Math.floor(symbols / SYMBOLS_PER_CLIENT))
  return new Follower({
    urls,
    first: spread ? place % urls.length : 0,
    keys: Array.from({ length: SYMBOLS_PER_CLIENT }, (_, n) => `binance:spot:S${(place + n * step) % symbols}-USDT`),
    intervalMs,
    counts,
    onLost() {
      lostAt ??= performance.now()
    },
    onLive() {
      liveAt = performance.now()
    }
  })
}

/** One after the other, so that each has been there for as long as it can be. */
function replaceOne(): void {
  const place = replaced++ % size
  clients[place]?.leave()
  const fresh = follower(place)
  clients[place] = fresh
  fresh.connect()
}
