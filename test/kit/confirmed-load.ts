import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceBroker } from 'moleculer'
import { publish } from '../../lib/buffer/events.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { quoteId } from '../../lib/quote/quote-id.ts'
import { cleanUp, type Scope } from './clean-up.ts'

export interface ConfirmedLoad {
  /** Quotes whose publish was confirmed; all of them when the load has stopped. */
  confirmed(): number
  /** Publishes that were refused; each was then repeated under the same message id. */
  refused(): number
  /** Ends the load; resolves when every quote that was ever made is confirmed. */
  stop(): Promise<void>
}

export interface LoadOptions {
  keys: readonly string[]
  quotesPerSecond: number
}

const BATCHES_PER_SECOND = 20
/** Batches that wait for their confirmation; the load falls behind its rate while so many do, and makes up for it then. */
const MAX_UNDER_WAY = 64
const REPEAT_MS = 100

/** Quote `n` of a load, from 0, has this id, so that all of them can be found without remembering them. */
export function loadQuoteId(keys: readonly string[], n: number): string {
  return quoteId(keys[n % keys.length] ?? '', '@trade', { sequence: String(n + 1) })
}

/** Publishes numbered quotes at a steady rate, of instruments that no other load has, and repeats each batch until the buffer has confirmed it or the scope ends. */
export function startLoad(t: Scope, broker: ServiceBroker, { keys, quotesPerSecond }: LoadOptions): ConfirmedLoad {
  const underWay = new Set<Promise<void>>()
  const size = Math.round(quotesPerSecond / BATCHES_PER_SECOND)
  let made = 0
  let confirmed = 0
  let refused = 0
  let ended = false
  let abandoned = false

  const send = async (quotes: Quote[], messageId: string) => {
    for (;;) {
      try {
        await publish(broker, 'quotes.received', { source: 'load', quotes }, messageId)
        break
      } catch {
        if (abandoned) return
        refused++
        await delay(REPEAT_MS)
      }
    }
    confirmed += quotes.length
  }
  const run = async () => {
    for (let due = performance.now(); !ended; due += 1_000 / BATCHES_PER_SECOND) {
      await delay(Math.max(0, due - performance.now()))
      if (underWay.size >= MAX_UNDER_WAY) await Promise.race(underWay)
      const quotes = Array.from({ length: size }, () => numberedQuote(keys, made++))
      const sending = send(quotes, loadQuoteId(keys, made - 1))
      underWay.add(sending)
      void sending.then(() => underWay.delete(sending))
    }
    await Promise.all(underWay)
  }
  const running = run()
  cleanUp(t, () => {
    ended = true
    abandoned = true
  })
  return {
    confirmed: () => confirmed,
    refused: () => refused,
    stop: () => {
      ended = true
      return running
    }
  }
}

function numberedQuote(keys: readonly string[], n: number): Quote {
  const key = keys[n % keys.length] ?? ''
  const now = Date.now() * 1_000
  return {
    id: loadQuoteId(keys, n),
    key,
    last: `${1000 + (n % 997)}.${String(n % 89).padStart(2, '0')}1`,
    lastSize: '0.00000001',
    status: 'trading',
    seq: String(n + 1),
    seqKind: 't',
    exchangeTime: now,
    receivedTime: now,
    observedTime: now,
    publishedTime: now,
    src: { kind: 'ws', provider: 'load', channel: '@trade', slot: null, egress: null }
  }
}
