import type { Markets } from '../config/markets.ts'

/** What is fetched again and again. */
export interface Job {
  /** `<source>/<watchlist>/<channel>`: deterministic, because slots are spread by it and recognised by it. */
  name: string
  source: string
  /** Null for the catalogue. */
  watchlist: string | null
  channel: string
  /** Empty for a channel about the whole market. */
  keys: readonly string[]
  intervalMs: number
}

/** The channel by which a source fills the catalogue, if it offers one of that name. */
const INSTRUMENTS_CHANNEL = 'instruments'

const INSTRUMENTS_INTERVAL_MS = 3_600_000

/**
 * The jobs that the configuration asks for: one for each polled channel of each watchlist, and an hourly one for the
 * catalogue of each source that has such a channel.
 *
 * @param restChannelsOf the REST channels that a kind of source offers.
 */
export function jobsOf({ sources, watchlists }: Markets, restChannelsOf: (kind: string) => readonly string[]): Job[] {
  const jobs = new Map<string, Job>()
  const add = (job: Job) => {
    // A channel that is polled twice at different intervals is two jobs.
    const name = jobs.has(job.name) ? `${job.name}/${job.intervalMs}ms` : job.name
    jobs.set(name, { ...job, name })
  }
  for (const { name, source } of sources) {
    if (!restChannelsOf(source).includes(INSTRUMENTS_CHANNEL)) continue
    add({
      name: `${name}/${INSTRUMENTS_CHANNEL}`,
      source: name,
      watchlist: null,
      channel: INSTRUMENTS_CHANNEL,
      keys: [],
      intervalMs: INSTRUMENTS_INTERVAL_MS
    })
  }
  for (const { name, source, instruments, poll } of watchlists) {
    for (const { channel, intervalMs } of poll) {
      add({ name: `${source}/${name}/${channel}`, source, watchlist: name, channel, keys: instruments, intervalMs })
    }
  }
  return [...jobs.values()]
}
