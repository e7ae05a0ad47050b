import type { Transporters } from 'moleculer'
import type { EventPayload } from './local-handlers.ts'
import type { PayloadCodec, PayloadCodecs } from './payload-codec.ts'

type Packet = Parameters<Transporters.Base['serialize']>[0]

/** The first byte of an event with a payload of its own codec. A serialized packet of Moleculer begins otherwise. */
const FRAMED = 0x01
const HEAD_BYTES = 4

/** A packet's content without its payload. */
type Envelope = Omit<EventPayload, 'data'> & { codec: string }

/**
 * How events stand in a stream: as Moleculer serializes them or, for those with a codec, framed:
 *
 *     byte 0      0x01
 *     byte 1..3   length of the envelope, big-endian
 *     then        the envelope: JSON with the event's name, id, meta, … and the codec's name
 *     then        the payload, as its codec wrote it
 *
 * Either is read whatever is written now, so that codecs can be introduced while a stream holds events.
 */
export class EventEncoder {
  readonly #transporter: Transporters.Base
  readonly #codecs: PayloadCodecs
  readonly #byName: ReadonlyMap<string, PayloadCodec>

  /** @param transporter Brings the broker's serializer, for events without a codec. */
  constructor(transporter: Transporters.Base, codecs: PayloadCodecs) {
    this.#transporter = transporter
    this.#codecs = codecs
    this.#byName = new Map(Object.values(codecs).map(codec => [codec.name, codec]))
  }

  /** @throws for a payload that cannot be written. */
  encode(packet: Packet): Buffer {
    const payload: EventPayload = packet.payload
    const codec = this.#codecs[payload.event]
    if (codec === undefined) return this.#transporter.serialize(packet)
    const { broker, nodeID: sender } = this.#transporter
    const { data, ...rest } = payload
    const envelope = Buffer.from(
      JSON.stringify({ ...rest, ver: broker.PROTOCOL_VERSION, sender, codec: codec.name } satisfies Envelope)
    )
    const body = codec.encode(data as never)
    const head = Buffer.allocUnsafe(HEAD_BYTES)
    head.writeUInt32BE(envelope.length)
    head[0] = FRAMED
    return Buffer.concat([head, envelope, body])
  }

  /** @throws for bytes that are not an event, or name a codec that is not known here. */
  decode(encoded: Buffer): unknown {
    if (encoded[0] !== FRAMED) return this.#transporter.deserialize('EVENT', encoded).payload
    const end = HEAD_BYTES + (encoded.readUInt32BE() & 0xffffff)
    const { codec: name, ...event } = JSON.parse(encoded.toString('utf8', HEAD_BYTES, end)) as Envelope
    const codec = this.#byName.get(name)
    if (codec === undefined) {
      throw new Error(`expected a payload of ${[...this.#byName.keys()].join(' or ') || 'no codec'}, got ${name}`)
    }
    return { ...event, data: codec.decode(encoded.subarray(end)) }
  }
}

/** The name and payload of an encoded event. @throws for bytes that are none. */
export function decodeEvent(encoder: EventEncoder, data: Buffer): { event: string; payload: unknown } {
  const { event, data: payload } = encoder.decode(data) as Partial<EventPayload>
  if (typeof event !== 'string') throw new TypeError('expected an event, got another packet')
  return { event, payload }
}
