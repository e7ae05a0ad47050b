import { AckPolicy, connect, nanos, StorageType } from 'nats'
import type { Quote } from '../../lib/quote/quote.ts'
import { quotesCodec } from '../../lib/quote/quotes-codec.ts'
import { type Place, STREAM_BYTES, type System } from './system.ts'

const GROUP = 'storage'

interface Encoding {
  /** Names the stream: what one writes the other cannot read. */
  name: string
  encode(quotes: Quote[]): Buffer
  decode(data: Uint8Array): readonly Quote[]
}

/** What one would write first: an array as JSON. */
export const ROWS: Encoding = {
  name: 'rows',
  encode: quotes => Buffer.from(JSON.stringify(quotes)),
  decode: data => JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString())
}

/** The codec of this project, so that what is left between the two is the transporter. */
export const COLUMNS: Encoding = {
  name: 'columns',
  encode: quotes => quotesCodec.encode({ source: 'bench', quotes }),
  decode: data => quotesCodec.decode(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).quotes
}

/** The client of NATS without Moleculer: publish with a message id, a durable consumer, an acknowledgement for each batch. */
export async function openPlainJetStream({ nats }: Place, { name, encode, decode }: Encoding): Promise<System> {
  const connection = await connect({ servers: nats })
  const manager = await connection.jetstreamManager()
  await manager.streams.add({
    name,
    subjects: [name],
    storage: StorageType.File,
    max_bytes: STREAM_BYTES,
    duplicate_window: nanos(120_000)
  })
  const streams = connection.jetstream()
  let number = 0
  return {
    async publish(quotes) {
      await streams.publish(name, encode(quotes), { msgID: `${process.pid}/${++number}` })
    },
    async consume(onBatch) {
      await manager.consumers.add(name, {
        durable_name: GROUP,
        ack_policy: AckPolicy.Explicit,
        max_ack_pending: 1_000
      })
      const consumer = await streams.consumers.get(name, GROUP)
      await consumer.consume({
        max_messages: 256,
        callback: message => {
          onBatch(decode(message.data))
          message.ack()
        }
      })
    },
    close: () => connection.close()
  }
}
