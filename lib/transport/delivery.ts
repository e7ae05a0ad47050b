/** The header of an emit that gives a durable event its message id; without it the event's own random id is used. */
export const MESSAGE_ID_HEADER = 'message-id'

/** What the transporter tells the handler of a durable event about its delivery. */
export interface DeliveryHeaders {
  /** Names the incarnation of the stream; positions of different epochs do not compare. */
  'stream-epoch'?: string
  /** The sequence of the event in its stream, from 1. */
  'stream-sequence'?: number
  /** 1 for the first delivery. */
  'delivery-count'?: number
}

/**
 * The local event that comes first when a node stops, while publishing is still possible: who publishes on its own ends its
 * intake and publishes what it holds. The transporter drains when the handlers are done.
 */
export const DRAINING = '$stream.draining'

/**
 * The local event by which a transporter says that a group on this node begins to consume: at the start, when the stream was
 * recreated (then with another epoch), and when a group outside the table was away for so long that what follows its place
 * is gone from the stream. It comes before the first event that follows.
 */
export const CONSUMING = '$stream.consuming'

export interface Consuming {
  event: string
  group: string
  epoch: string
  /** The sequence behind which consuming begins: the first event has a greater one. */
  after: number
}
