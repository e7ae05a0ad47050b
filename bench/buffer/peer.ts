import { setTimeout as delay } from 'node:timers/promises'
import type { Quote } from '../../lib/quote/quote.ts'
import { fullBatches } from '../kit/full-quotes.ts'
import { Latencies } from '../kit/statistics.ts'
import type { Place } from './system.ts'
import { SYSTEMS, type SystemName } from './systems.ts'

/** What a publisher or consumer process is told, as JSON in its first argument. */
export interface Task {
  role: 'publish' | 'consume'
  system: SystemName
  place: Place
  batch: number
  /** Batches under way at once; without a pace the publisher keeps it full. */
  window: number
  /** Milliseconds between batches, whatever becomes of them; 0 for as fast as it goes. */
  paceMs: number
  warmUpMs: number
  measureMs: number
}

/** What it tells at the end of the measured time: a line of JSON. */
export interface Told {
  quotes: number
  ms: number
  p50: number
  p99: number
  p999: number
  rssMiB: number
}

/** Quotes that are made beforehand and published again and again. */
const POOL_QUOTES = 20_000

const task = JSON.parse(process.argv[2] ?? '') as Task
process.on('SIGTERM', () => process.exit())
const system = await SYSTEMS[task.system](task.place)
await (task.role === 'publish' ? publish() : consume())

/** Microseconds of a clock that all processes of a machine share. */
function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}

async function publish(): Promise<void> {
  const { batch, window, paceMs, warmUpMs, measureMs } = task
  const pool = fullBatches(Math.max(window + 1, Math.ceil(POOL_QUOTES / batch)), batch)
  const end = performance.now() + warmUpMs + measureMs + 2_000
  let next = 0
  const send = async (due: number) => {
    const quotes = pool[next++ % pool.length] as Quote[]
    for (const quote of quotes) quote.publishedTime = due
    await system.publish(quotes)
  }
  await send(monotonicMicros())
  if (paceMs === 0) {
    const keep = async () => {
      while (performance.now() < end) await send(monotonicMicros())
    }
    await Promise.all(Array.from({ length: window }, keep))
  } else {
    // Open loop: a batch is timed from when it was due, also where it had to wait.
    const start = performance.now()
    const startMicros = monotonicMicros()
    const underWay = new Set<Promise<void>>()
    for (let tick = 0; performance.now() < end; tick++) {
      const wait = start + tick * paceMs - performance.now()
      if (wait > 0) await delay(wait)
      const sending = send(startMicros + tick * paceMs * 1_000)
      underWay.add(sending)
      sending.finally(() => underWay.delete(sending))
    }
    await Promise.all(underWay)
  }
  process.exit()
}

async function consume(): Promise<void> {
  const { warmUpMs, measureMs } = task
  let latencies = new Latencies()
  let quotes = 0
  let first = true
  await system.consume(batch => {
    const last = batch[batch.length - 1]
    if (last === undefined || typeof last.turnover !== 'string') {
      console.error(`${task.system}: expected full quotes, got ${JSON.stringify(batch).slice(0, 200)}`)
      process.exit(1)
    }
    quotes += batch.length
    latencies.add(monotonicMicros() - last.publishedTime)
    if (!first) return
    first = false
    setTimeout(begin, warmUpMs)
  })
  console.log('ready')

  function begin(): void {
    quotes = 0
    latencies = new Latencies()
    const start = performance.now()
    console.log('measuring')
    setTimeout(() => {
      const told: Told = {
        quotes,
        ms: performance.now() - start,
        p50: latencies.percentile(0.5),
        p99: latencies.percentile(0.99),
        p999: latencies.percentile(0.999),
        rssMiB: process.memoryUsage.rss() / 1024 ** 2
      }
      console.log(JSON.stringify(told))
    }, measureMs)
  }
}
