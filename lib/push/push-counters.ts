/** What the push layer did since it started. */
export interface PushCounters {
  sessionsOpened: number
  sessionsClosed: number
  /** Upgrades answered with an HTTP error. */
  upgradesRefused: number
  /** Requests by REST that were one too many. */
  requestsRateLimited: number
  messages: number
  /** Messages of a type that this version does not know; they are ignored. */
  messagesUnknown: number
  messagesBad: number
  messagesRateLimited: number
  /** Updates that touched a subscribed field, once per signature, counted when they are sent. */
  updates: number
  /** Updates that were merged into a later row. */
  updatesConflated: number
  /** Updates at or below a position that was sent already; always 0 while the stream is in order. */
  updatesLate: number
  /** Frames with rows encoded, and frames written to sockets. */
  framesEncoded: number
  framesWritten: number
  rowsWritten: number
  bytesWritten: number
  snapshots: number
  heartbeats: number
  /** Status messages not sent to a client because it was slow. */
  statusesSkipped: number
  /** Ticks that a slow client was left out of, and the frames that made good for them. */
  ticksSkipped: number
  catchUps: number
  /** Subscriptions made slower for a client that did not keep up, and steps back to what was asked for. */
  downgrades: number
  recoveries: number
  /** Steps of the overload ladder, upgrades refused and clients closed because of it. */
  overloadStepsUp: number
  overloadStepsDown: number
  refusedOverloaded: number
  closedOverloaded: number
  closedSlow: number
  closedRate: number
  closedNoPong: number
  /** Batches of an epoch that is not the current one. */
  batchesOfOtherEpoch: number
  snapshotLoads: number
  snapshotRetries: number
  /** Sessions resumed with all they missed, and those that got a snapshot or nothing. */
  resumesRecovered: number
  resumesFailed: number
  /** Logins on live connections. */
  logins: number
  loginsFailed: number
  /** Connections closed because a login had ended, or had not come in time. */
  closedExpired: number
  closedDeadline: number
  /** Connections closed by an administrator. */
  closedKicked: number
  /** Times that sessions could not be kept for their clients to come back. */
  sessionsUnsaved: number
  /** Playbacks of history: begun, played to their end, and given up. The rest was ended by its client. */
  playbacksBegun: number
  playbacksPlayed: number
  playbacksFailed: number
  /** Reads of history that failed and were tried again, or given up. */
  playbackRetries: number
}

export function zeroCounters(): PushCounters {
  return {
    sessionsOpened: 0,
    sessionsClosed: 0,
    upgradesRefused: 0,
    requestsRateLimited: 0,
    messages: 0,
    messagesUnknown: 0,
    messagesBad: 0,
    messagesRateLimited: 0,
    updates: 0,
    updatesConflated: 0,
    updatesLate: 0,
    framesEncoded: 0,
    framesWritten: 0,
    rowsWritten: 0,
    bytesWritten: 0,
    snapshots: 0,
    heartbeats: 0,
    statusesSkipped: 0,
    ticksSkipped: 0,
    catchUps: 0,
    downgrades: 0,
    recoveries: 0,
    overloadStepsUp: 0,
    overloadStepsDown: 0,
    refusedOverloaded: 0,
    closedOverloaded: 0,
    closedSlow: 0,
    closedRate: 0,
    closedNoPong: 0,
    batchesOfOtherEpoch: 0,
    snapshotLoads: 0,
    snapshotRetries: 0,
    resumesRecovered: 0,
    resumesFailed: 0,
    logins: 0,
    loginsFailed: 0,
    closedExpired: 0,
    closedDeadline: 0,
    closedKicked: 0,
    sessionsUnsaved: 0,
    playbacksBegun: 0,
    playbacksPlayed: 0,
    playbacksFailed: 0,
    playbackRetries: 0
  }
}
