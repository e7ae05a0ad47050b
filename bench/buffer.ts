import type { Task, Told } from './buffer/peer.ts'
import { type Measured, runPair } from './buffer/run-pair.ts'
import { SYSTEMS, type SystemName } from './buffer/systems.ts'
import { say } from './kit/say.ts'
import { median } from './kit/statistics.ts'

/**
 * How fast do batches of full quotes get from a publisher process to a handler in a consumer process, as objects, over real
 * servers with file storage? Side by side in one run, the systems taking turns, each time with an empty server.
 */
const ROUNDS = 3
const NAMES = Object.keys(SYSTEMS) as SystemName[]
const TIMES = { warmUpMs: 1_500, measureMs: 2_000 }

/**
 * By the quotes per batch: the batches under way at once when it goes as fast as it can, so that nobody waits for an answer; and
 * the pause between batches for a load that all systems can carry.
 */
const SHAPES = [
  { batch: 1, window: 256, paceMs: 0.5 },
  { batch: 100, window: 64, paceMs: 2 },
  { batch: 1_000, window: 16, paceMs: 10 }
] as const
/** A feed's flush: 5,000 quotes/s. */
const FLUSH = { batch: 10, paceMs: 2 } as const

type Results = Map<SystemName, Measured[]>
type Shape = Pick<Task, 'batch' | 'window' | 'paceMs'>

export async function run(): Promise<void> {
  console.log(`One publisher and one consumer process; medians of ${ROUNDS} rounds. Full 20-field quotes.`)
  console.log('nats-server: file storage, default sync interval. redis-server: append-only file, default fsync.\n')
  const rates = new Map<number, Results>()
  for (const shape of SHAPES) {
    const results = await interleave({ ...shape, paceMs: 0 })
    print(`As fast as it goes: ${shape.batch} per batch, ${shape.window} batches under way`, results)
    rates.set(shape.batch, results)
  }
  for (const { batch, paceMs } of [...SHAPES, FLUSH]) {
    const results = await interleave({ batch, paceMs, window: 1 })
    print(`A batch of ${batch} every ${paceMs} ms, timed from when it was due`, results)
    if (batch === FLUSH.batch) judge(rates, results)
  }
}

/** The systems take turns, so that what else the machine does meets all of them. */
async function interleave(shape: Shape): Promise<Results> {
  const results: Results = new Map(NAMES.map(name => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const system of NAMES) results.get(system)?.push(await runPair({ ...shape, ...TIMES, system }))
  }
  return results
}

function rateOf({ quotes, ms }: Told): number {
  return (quotes / ms) * 1_000
}

function middle(measured: readonly Measured[], value: (measured: Measured) => number): number {
  return median(measured.map(value))
}

function microsPerQuote(measured: readonly Measured[], part: `${'publisher' | 'server' | 'consumer'}Micros`): string {
  return middle(measured, told => told[part] / told.quotes).toFixed(2)
}

function print(title: string, results: Results): void {
  console.log(title)
  console.table(
    Object.fromEntries(
      [...results].map(([name, told]) => {
        const rates = told.map(rateOf)
        return [
          name,
          {
            'quotes/s': Math.round(median(rates)),
            spread: `[${Math.round(Math.min(...rates))}..${Math.round(Math.max(...rates))}]`,
            'p50 ms': middle(told, ({ p50 }) => p50).toFixed(2),
            'p99 ms': middle(told, ({ p99 }) => p99).toFixed(2),
            'µs/quote: publisher': microsPerQuote(told, 'publisherMicros'),
            server: microsPerQuote(told, 'serverMicros'),
            consumer: microsPerQuote(told, 'consumerMicros'),
            'consumer MiB': Math.round(middle(told, ({ rssMiB }) => rssMiB))
          }
        ]
      })
    )
  )
}

function judge(saturated: ReadonlyMap<number, Results>, flushed: Results): void {
  const rate = (batch: number, name: SystemName) => middle(saturated.get(batch)?.get(name) ?? [], rateOf)
  const best = Math.max(rate(100, 'nats.js, same codec'), rate(100, 'nats.js, JSON'))
  const ratioAt100 = Number((rate(100, 'quotecast') / best).toFixed(2))
  const quotesPerSecondAt1000 = Math.round(rate(1_000, 'quotecast'))
  const flushP99Ms = middle(flushed.get('quotecast') ?? [], ({ p99 }) => p99)
  say(ratioAt100 >= 0.7, `${ratioAt100} of nats.js without Moleculer at 100 per batch (at least 0.7)`)
  say(quotesPerSecondAt1000 >= 400_000, `${quotesPerSecondAt1000} quotes/s at 1,000 per batch (at least 400,000)`)
  say(flushP99Ms < 6, `${flushP99Ms.toFixed(2)} ms p99 at 5,000 quotes/s in flushes of 2 ms (below 6)`)
  console.log(JSON.stringify({ bench: 'buffer', ratioAt100, quotesPerSecondAt1000, flushP99Ms }))
}
