import type { Msg } from 'nats'

/** What the reply subject of a delivered message tells. */
export interface MessagePlace {
  /** 1 for the first delivery. */
  deliveryCount: number
  streamSequence: number
  /** Counts all deliveries of the consumer, upwards. */
  consumerSequence: number
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`; later servers put domain and account before the stream. */
export function placeOf(message: Msg): MessagePlace | undefined {
  const tokens = message.reply?.split('.') ?? []
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined
  const first = tokens.length === 9 ? 4 : 6
  const [deliveryCount = Number.NaN, streamSequence = Number.NaN, consumerSequence = Number.NaN] = tokens
    .slice(first, first + 3)
    .map(Number)
  const place = { deliveryCount, streamSequence, consumerSequence }
  return Object.values(place).every(Number.isSafeInteger) ? place : undefined
}

/** The bodies of acknowledgements, published to a message's reply subject. */
export const ACK = '+ACK'
export const WORKING = '+WPI'
export const TERM = '+TERM'
export function nakBody(delayMs: number): string {
  return delayMs <= 0 ? '-NAK' : `-NAK ${JSON.stringify({ delay: Math.round(delayMs * 1e6) })}`
}
