import { createHash } from 'node:crypto'

/** The protocol's bound of a message id. */
const MAX_BYTES = 255

/** The message id of a quote: its id, or where that is too long for AMQP `~` and its SHA-256. The same quote has the same one every time. */
export function amqpMessageId(id: string): string {
  // As it comes back from the broker: half a character does not survive UTF-8.
  const text = id.toWellFormed()
  if (Buffer.byteLength(text) <= MAX_BYTES) return text
  return `~${createHash('sha256').update(id).digest('hex')}`
}
