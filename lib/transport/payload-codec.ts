/** Writes and reads the payloads of one event, where JSON by Moleculer's serializer would be slow or large. */
export interface PayloadCodec {
  /** Stands beside every stored payload: what reads another format needs another name. */
  readonly name: string
  /** @throws for a payload that is not the event's. */
  encode(payload: never): Buffer
  /** @throws for bytes that `encode` did not write. */
  decode(data: Buffer): unknown
}

/** By event. */
export type PayloadCodecs = Readonly<Record<string, PayloadCodec>>
