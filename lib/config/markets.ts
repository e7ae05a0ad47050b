/** `config/markets.yaml`: which markets are collected, and how. Times in milliseconds. */
export interface Markets {
  sources: SourceConfig[]
  watchlists: Watchlist[]
}

export interface SourceConfig {
  /** The provider's name, used in jobs, quotes and logs. */
  name: string
  /** The kind of source, a folder of `lib/sources`. */
  source: string
  /** Base URL for REST; `demo` asks the bundled demo exchange; null takes the venue's own. */
  rest: string | null
  /** Base URL for the stream; `demo` and null as for `rest`. */
  stream: string | null
  /** User-Agents to rotate over egresses; empty for the honest default. */
  userAgents: string[]
}

export interface Watchlist {
  name: string
  /** A name of `sources`. */
  source: string
  /** Instrument keys. */
  instruments: string[]
  poll: PollConfig[]
  /** Channels of the source's stream. */
  stream: string[]
}

export interface PollConfig {
  channel: string
  intervalMs: number
}

/** Whether a source is the bundled demo exchange, which must be labelled wherever its prices are shown. */
export function usesDemo({ rest, stream }: SourceConfig): boolean {
  return rest === 'demo' || stream === 'demo'
}
