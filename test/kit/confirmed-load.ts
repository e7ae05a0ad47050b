import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceBroker } from 'moleculer'
import { publish } from '../../lib/buffer/events.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'
import { makeBroker } from './make-broker.ts'

export interface ConfirmedLoad {
  /** Every quote whose publish was confirmed, by id. */
  confirmed: Map<string, Quote>
  /** Publishes that were refused; each was then repeated under the same message id. */
  refused(): number
  /** Ends the load and waits for its last confirmation. */
  stop(): Promise<void>
}

export interface LoadOptions {
  server: string
  keys: readonly string[]
  quotesPerSecond: number
}

const BATCHES_PER_SECOND = 20

/** A broker of its own without services, connected to a running system, as a test's eye and hand. */
export async function connectBroker(t: TestContext, server: string): Promise<ServiceBroker> {
  const broker = await makeBroker(t, { kind: 'nats', servers: [server] })
  await broker.start()
  return broker
}

/** Publishes numbered quotes at a steady rate and keeps what the buffer has confirmed. */
export function startLoad(
  broker: ServiceBroker,
  { keys, quotesPerSecond }: Omit<LoadOptions, 'server'>
): ConfirmedLoad {
  const confirmed = new Map<string, Quote>()
  const size = quotesPerSecond / BATCHES_PER_SECOND
  let refused = 0
  let counter = 0
  let ended = false

  const run = async () => {
    let due = Date.now()
    while (!ended) {
      const quotes = Array.from({ length: size }, () => numberedQuote(keys, counter++))
      const messageId = `load-${counter}`
      for (;;) {
        try {
          await publish(broker, 'quotes.received', { source: 'load', quotes }, messageId)
          break
        } catch {
          refused++
          await delay(100)
        }
      }
      for (const quote of quotes) confirmed.set(quote.id, quote)
      due += 1_000 / BATCHES_PER_SECOND
      await delay(Math.max(0, due - Date.now()))
    }
  }
  const running = run()
  return {
    confirmed,
    refused: () => refused,
    stop: () => {
      ended = true
      return running
    }
  }
}

function numberedQuote(keys: readonly string[], counter: number): Quote {
  const key = keys[counter % keys.length] ?? ''
  const now = Date.now() * 1_000
  const seq = String(counter + 1)
  return {
    id: quoteId(key, '@trade', { sequence: seq }),
    key,
    last: `${1000 + (counter % 997)}.${String(counter % 89).padStart(2, '0')}1`,
    lastSize: '0.00000001',
    status: 'trading',
    seq,
    seqKind: 't',
    exchangeTime: now,
    receivedTime: now,
    observedTime: now,
    publishedTime: now,
    src: { kind: 'ws', provider: 'load', channel: '@trade', slot: null, egress: null }
  }
}
