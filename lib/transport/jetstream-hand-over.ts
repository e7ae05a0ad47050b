import type { ServiceBroker } from 'moleculer'
import type { Msg, Subscription } from 'nats'
import { handOverHere } from './hand-over.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'

export const EPOCH_HEADER = 'Stream-Epoch'
export const SEQUENCE_HEADER = 'Stream-Sequence'

export interface HandOverOptions {
  link: JetStreamLink
  names: JetStreamNames
  broker: ServiceBroker
  decode: (data: Buffer) => unknown
  stream: string
  group: string
}

/** Takes events that are handed to a group besides its stream, one node for each. End it by unsubscribing. */
export function takeHandOvers({ link, names, broker, decode, stream, group }: HandOverOptions): Subscription {
  const answer = async (message: Msg) => {
    const { data, headers } = message
    const encoded = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const place = { epoch: headers?.get(EPOCH_HEADER) ?? '', sequence: Number(headers?.get(SEQUENCE_HEADER) ?? 0) }
    const outcome = await handOverHere(broker, decode, group, encoded, place)
    // With the connection gone the asker gives up by itself.
    if (!link.connection.isClosed()) message.respond(JSON.stringify(outcome))
  }
  return link.connection.subscribe(names.handOverSubject(stream, group), {
    queue: group,
    callback: (error, message) => {
      if (error === null) void answer(message)
      else broker.getLogger('streams').warn(`Group '${group}' takes no events besides its stream: ${error.message}`)
    }
  })
}
