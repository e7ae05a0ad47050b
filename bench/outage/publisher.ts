import { setTimeout as delay } from 'node:timers/promises'
import { ServiceBroker } from 'moleculer'
import { publish } from '../../lib/buffer/events.ts'
import { CODECS, STREAMS } from '../../lib/buffer/streams.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'
import { wallClock } from '../../lib/quote/wall-clock.ts'
import { createTransport } from '../../lib/transport/create-transport.ts'
import { fullBatches } from '../kit/full-quotes.ts'
import { answer } from '../kit/peer-process.ts'

/** Publishes full quotes, each with an id of its own, at a steady rate whatever becomes of them. Arguments: the server, the rate. */
const BATCH = 100
const POOL = 100
const FIRST_SEQUENCE = 1_000_000_000

const [server = '', rate = '0'] = process.argv.slice(2)
const counts = { published: 0, failed: 0 }
const { transporter, middleware } = await createTransport(
  { kind: 'nats', servers: [server] },
  { streams: STREAMS, codecs: CODECS }
)
const broker = new ServiceBroker({
  nodeID: `load-${process.pid}`,
  logger: false,
  transporter,
  middlewares: [middleware],
  disableBalancer: true,
  skipProcessEventRegistration: true
})
answer(() => counts)
await broker.start()

const pool = fullBatches(POOL, BATCH)
const now = wallClock()
const intervalMs = (BATCH / Number(rate)) * 1_000
const start = performance.now()
const startMicros = now()
for (let tick = 0; ; tick++) {
  const wait = start + tick * intervalMs - performance.now()
  if (wait > 0) await delay(wait)
  const quotes = pool[tick % POOL] as Quote[]
  const due = startMicros + Math.round(tick * intervalMs * 1_000)
  for (const [index, quote] of quotes.entries()) renew(quote, FIRST_SEQUENCE + tick * BATCH + index, due)
  publish(broker, 'quotes.received', { source: 'bench', quotes }).then(
    () => {
      counts.published += BATCH
    },
    () => {
      counts.failed += BATCH
    }
  )
}

/** Makes a quote another observation, made when it was due. */
function renew(quote: Quote, sequence: number, due: number): void {
  const seq = String(sequence)
  Object.assign(quote, {
    seq,
    id: quoteId(quote.key, quote.src.channel, { sequence: seq }),
    exchangeTime: due,
    receivedTime: due,
    observedTime: due,
    publishedTime: due
  })
}
