import { setTimeout as delay } from 'node:timers/promises'
import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'
import { wallClock } from '../../lib/quote/wall-clock.ts'
import { answerCalls, readTask } from './answer-calls.ts'
import { fullBatches } from './full-quotes.ts'
import { openPublisher } from './open-publisher.ts'
import { WHOLE_PROCESS } from './scope.ts'

/** Publishes full quotes, each with an id of its own, at a steady rate whatever becomes of them. */
const BATCH = 100
const POOL = 100
const FIRST_SEQUENCE = 1_000_000_000

const { server, rate } = readTask<{ server: string; rate: number }>()
const counts = { published: 0, failed: 0 }
const publish = await openPublisher(WHOLE_PROCESS, [server])
answerCalls(null, { tell: () => counts })

const pool = fullBatches(POOL, BATCH)
const now = wallClock()
const intervalMs = (BATCH / rate) * 1_000
const start = performance.now()
const startMicros = now()
for (let tick = 0; ; tick++) {
  const wait = start + tick * intervalMs - performance.now()
  if (wait > 0) await delay(wait)
  const quotes = pool[tick % POOL] as Quote[]
  const due = startMicros + Math.round(tick * intervalMs * 1_000)
  for (const [index, quote] of quotes.entries()) renew(quote, FIRST_SEQUENCE + tick * BATCH + index, due)
  publish(quotes).then(
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
