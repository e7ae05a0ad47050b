/** The times and bounds of a feed. All in milliseconds or numbers of quotes. */
export interface FeedLimits {
  /** From the attempt to the open WebSocket. */
  connectTimeoutMs: number
  /** Without any sign of life (a frame, a ping, the answer to our own ping after half the time) a connection is dead. */
  muteMs: number
  /** A connection that answers pings but brings no quote is stale after `muteMs` and replaced after this. */
  patienceMs: number
  /** The first delay of a reconnect; it doubles with each attempt that brought no quote. */
  backOffMs: number
  backOffMaxMs: number
  /** After a venue's shutdown notice the old connection stays this long for the streams that are silent on the new one. */
  rotationMs: number
  /** The longest wait of a quote for others of its batch. */
  flushMs: number
  /** So many quotes end the wait. */
  flushQuotes: number
  /** Held quotes at which the sockets are paused; they resume at half of it. */
  pauseQuotes: number
  /** Held quotes at which further ones are dropped and counted: what was read before a pause took hold must fit between. */
  maxQuotes: number
  /** The first delay of a publish that was rejected; it doubles. */
  retryMs: number
  retryMaxMs: number
  /** What is confirmed so long after its first attempt may be in the stream twice: at most the duplicate window of the stream of quotes. */
  certainMs: number
  /** How long a stopping feed tries to hand over what it holds. */
  drainMs: number
}

/** A stop ends within 1.5 s; held quotes take 100 MB at the most. */
export const FEED_LIMITS = {
  connectTimeoutMs: 5_000,
  muteMs: 10_000,
  patienceMs: 30_000,
  backOffMs: 250,
  backOffMaxMs: 30_000,
  rotationMs: 10_000,
  flushMs: 2,
  flushQuotes: 4096,
  pauseQuotes: 100_000,
  maxQuotes: 200_000,
  retryMs: 50,
  retryMaxMs: 2_000,
  certainMs: 120_000,
  drainMs: 1_000
} as const satisfies FeedLimits
