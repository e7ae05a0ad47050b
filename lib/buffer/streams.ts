import { quotesCodec } from '../quote/quotes-codec.ts'
import type { PayloadCodecs } from '../transport/payload-codec.ts'
import type { StreamSpec } from '../transport/stream-spec.ts'

const MINUTE = 60_000

/**
 * The durable events: which stream carries each, and who consumes it. This table is the one place where streams and consumer
 * groups are named.
 */
export const STREAMS: readonly StreamSpec[] = [
  {
    name: 'quotes',
    events: ['quotes.received'],
    retention: 'limits',
    groups: ['storage', 'latest'],
    tailGroup: 'latest',
    maxAgeMs: 120 * MINUTE,
    maxBytes: 4 * 1024 ** 3,
    keepMs: 2 * MINUTE,
    duplicateWindowMs: 2 * MINUTE,
    maxAckPending: 1_024,
    ackWaitMs: 30_000,
    maxDeliver: 10,
    // Batches of a feed's flush are small: storage combines what is under way into transactions of 4096 quotes.
    concurrency: 128
  },
  {
    name: 'work',
    events: ['fetch.due'],
    retention: 'workqueue',
    groups: ['fetcher'],
    maxAgeMs: 2 * MINUTE,
    maxBytes: 64 * 1024 ** 2,
    keepMs: 0,
    duplicateWindowMs: 2 * MINUTE,
    maxAckPending: 1024,
    ackWaitMs: 10_000,
    maxDeliver: 3,
    concurrency: 32
  }
]

/** The group that carries quotes to a message broker. */
export const RELAY_GROUP = 'relay'

/**
 * The table of an installation that relays to a broker. The group is not in the table of all: where nobody reads for it, its backlog
 * would fill the stream. It begins with what comes after it was first made. One that the table has already, with another begin, stays.
 */
export function withRelay(streams: readonly StreamSpec[]): readonly StreamSpec[] {
  return streams.map(spec => {
    if (!spec.events.includes('quotes.received') || spec.groups.includes(RELAY_GROUP)) return spec
    return { ...spec, groups: [...spec.groups, RELAY_GROUP], starts: { ...spec.starts, [RELAY_GROUP]: 'new' } }
  })
}

/** How the payloads of durable events are stored, where JSON would be too slow. */
export const CODECS: PayloadCodecs = { 'quotes.received': quotesCodec }
