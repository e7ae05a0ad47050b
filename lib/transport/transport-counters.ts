/** What a transporter did since its start, counted. */
export interface TransportCounters {
  /** Durable events that were confirmed, duplicates included. */
  published: number
  /** Of those, the ones that the stream held already under their message id. */
  duplicates: number
  publishRetries: number
  publishFailures: number
  /** Events handed to handlers, repetitions included. */
  delivered: number
  /** Of those, the ones that came a second or later time. */
  redelivered: number
  /** Events that were delivered once more while a handler here was still at them; left to that handler. */
  repeated: number
  /** Events whose handler ran for more than ten ack waits: given up, so that they come again. */
  overdue: number
  acknowledged: number
  /** Answers to events of an epoch that has ended, not sent: their stream was made anew or went back in time. */
  answersDropped: number
  /** Given back after a handler failed. */
  failed: number
  /** Given back because no handler of the group was there. */
  unhandled: number
  deadLettered: number
  /** Dead letters that could not be stored: the event stays where it is. */
  deadLetterFailures: number
  /** Dead letters dropped for newer ones, or whose file could not be read; only in one process. */
  deadLettersDropped: number
  /** Events that a group outside the table failed to handle, and left behind. */
  skipped: number
  /** Events that a group outside the table did not get because they were gone from the stream before. */
  missed: number
  /** Events that reached their maximal age before every durable group had acknowledged them; only in memory. */
  expired: number
  /** Consumers that had to be opened again. */
  reopened: number
  reconnects: number
  /** Streams that went back in time, as found and confirmed here: each got another epoch. */
  setBacks: number
  /** Sequences that seemed to fall and did not at a second look, as after a change of the leader. */
  unconfirmedSetBacks: number
  /** Looks at a stream that failed, for a server that was away or a stream that cannot be read. */
  failedLooks: number
  /** At stop: events that handlers had not finished, and in memory those that are gone unhandled. */
  abandoned: number
}

export function newTransportCounters(): TransportCounters {
  return {
    published: 0,
    duplicates: 0,
    publishRetries: 0,
    publishFailures: 0,
    delivered: 0,
    redelivered: 0,
    repeated: 0,
    overdue: 0,
    acknowledged: 0,
    answersDropped: 0,
    failed: 0,
    unhandled: 0,
    deadLettered: 0,
    deadLetterFailures: 0,
    deadLettersDropped: 0,
    skipped: 0,
    missed: 0,
    expired: 0,
    reopened: 0,
    reconnects: 0,
    setBacks: 0,
    unconfirmedSetBacks: 0,
    failedLooks: 0,
    abandoned: 0
  }
}
