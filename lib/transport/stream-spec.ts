/** One stream of a stream table: the durable events that it carries, and who consumes them. */
export interface StreamSpec {
  /** The stream's name, unique in a namespace. */
  readonly name: string
  /** The events it carries. */
  readonly events: readonly string[]
  /** `limits`: every group reads everything. `workqueue`: a message is gone once its one group has acknowledged it. */
  readonly retention: 'limits' | 'workqueue'
  /** Groups that miss nothing: each is a durable consumer that exists even while none of its services lives. */
  readonly groups: readonly string[]
  /** Readers that begin behind the acknowledgement floor of this durable group; without it only new events reach other groups. */
  readonly tailGroup?: string
  readonly maxAgeMs: number
  readonly maxBytes: number
  /** When room is short, what every group of the table has acknowledged goes once it is older than that: readers may still come back for it. */
  readonly keepMs: number
  /** A second publish of a message id within this window is dropped. At most `maxAgeMs`. */
  readonly duplicateWindowMs: number
  /** Unacknowledged messages of one group at the most. */
  readonly maxAckPending: number
  /** A message that is not acknowledged by then is delivered again. */
  readonly ackWaitMs: number
  /** After this many deliveries a message that keeps failing goes to the dead letters; waiting for a resource does not take it there. */
  readonly maxDeliver: number
  /** Handlers of one group that run at the same time on a node, at the most. */
  readonly concurrency: number
  /** Where a server keeps it; `file` unless told otherwise. What is in `memory` is gone with the server. */
  readonly storage?: 'file' | 'memory'
}

/** The stream that carries an event, or undefined for a plain event. */
export function streamOf(event: string, streams: readonly StreamSpec[]): StreamSpec | undefined {
  return streams.find(stream => stream.events.includes(event))
}
