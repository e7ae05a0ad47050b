/** What one gateway and one connection may use. */
export interface PushLimits {
  /** Open connections of this gateway. */
  connections: number
  /** Keys named by the subscriptions of one connection; patterns do not count. */
  symbols: number
  /** Subscriptions of one connection. */
  subscriptions: number
  /** Patterns of one subscription. */
  patterns: number
  messagesPerSecond: number
  /** Messages that may come at once before `messagesPerSecond` applies. */
  messageBurst: number
  /** Requests by REST of one user, or of one address without one. */
  requestsPerSecond: number
  /** Requests that may come at once before `requestsPerSecond` applies. */
  requestBurst: number
  /** Refused messages in a row after which the connection is closed. */
  refusals: number
  messageBytes: number
  minIntervalMs: number
  maxIntervalMs: number
  /** With so much unsent, a client is left out of a tick and gets the latest values once it has caught up. */
  softBytes: number
  /** With more than this unsent for `hardForMs`, a client is closed. */
  hardBytes: number
  hardForMs: number
  /** A client is judged slow in a subscription over so long, and over so many ticks, at least. */
  slowWindowMs: number
  slowTicks: number
  /** A subscription that was made slower goes a step back when its client has kept up for so long. */
  recoverMs: number
  heartbeatMs: number
  /** Between two pings of a client, which measure how far behind it is. */
  pingMs: number
  /** Between two pings of a client that appears slow. */
  slowPingMs: number
  /** A client that has not answered a ping for so long is closed. */
  pongMs: number
  /** A client further behind than this is left out of ticks, although nothing may be unsent here. */
  lagMs: number
  /** Between two readings of the event loop's delay. */
  overloadReadingMs: number
  /** With a delay of so much at so many readings in a row, the gateway does less: a step up. */
  overloadDelayMs: number
  overloadReadings: number
  /** With a delay below this at so many readings in a row, a step down. */
  calmDelayMs: number
  calmReadings: number
  /** Clients closed at each reading that is too high, at the last step. */
  shedClients: number
  /** When a client that was refused for overload should try again. */
  overloadRetryMs: number
  /** Rows of one snapshot frame. */
  snapshotRows: number
  /** How long after its end a session may be resumed. */
  resumeWindowMs: number
  /** The newest updates that are kept for clients that come back; each keeps a quote of about a kilobyte in memory. */
  replayUpdates: number
  /** Rows that a client may have missed; with more it gets a snapshot. */
  replayRows: number
  /** Playbacks of history of this gateway at a time. */
  playbacks: number
  /** Playbacks of one connection at a time. */
  playbacksPerConnection: number
  /** Instruments of one playback. */
  playbackKeys: number
  /** Quotes that one playback has in memory, about; as many again while they are shown. */
  playbackRows: number
  /** The longest part of history of one playback. */
  playbackSpanMs: number
  /** How far before its beginning a playback looks for what was shown then. */
  playbackLookBackMs: number
  /** Pages of history that this gateway reads at a time. */
  playbackReads: number
  /** How long reading is tried before a playback is given up. */
  playbackRetryMs: number
}

export const DEFAULT_LIMITS = {
  connections: 10_000,
  symbols: 20_000,
  subscriptions: 64,
  patterns: 100,
  messagesPerSecond: 5,
  messageBurst: 20,
  requestsPerSecond: 50,
  requestBurst: 200,
  refusals: 20,
  messageBytes: 64 * 1024,
  minIntervalMs: 0,
  maxIntervalMs: 60_000,
  softBytes: 64 * 1024,
  hardBytes: 1024 * 1024,
  hardForMs: 10_000,
  slowWindowMs: 5_000,
  slowTicks: 4,
  recoverMs: 30_000,
  heartbeatMs: 1000,
  pingMs: 5_000,
  slowPingMs: 1_000,
  pongMs: 20_000,
  lagMs: 2_000,
  overloadReadingMs: 1_000,
  overloadDelayMs: 250,
  overloadReadings: 5,
  calmDelayMs: 125,
  calmReadings: 10,
  shedClients: 5,
  overloadRetryMs: 5_000,
  snapshotRows: 1000,
  resumeWindowMs: 120_000,
  replayUpdates: 50_000,
  replayRows: 5_000,
  playbacks: 64,
  playbacksPerConnection: 4,
  playbackKeys: 500,
  playbackRows: 10_000,
  playbackSpanMs: 7 * 86_400_000,
  playbackLookBackMs: 86_400_000,
  playbackReads: 4,
  playbackRetryMs: 30_000
} as const satisfies PushLimits
