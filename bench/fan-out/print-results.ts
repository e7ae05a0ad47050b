import type { Load } from './loads.ts'
import { type Results, serverCpu } from './results.ts'
import type { Percentiles } from './task.ts'

/** One table: what every system did under one load. */
export function printResults(load: Load, results: Results): void {
  console.log(`${load.title}. Ticks of ${load.intervalMs} ms.`)
  console.table(
    Object.fromEntries(
      results.systems.map(system => {
        const middle = (value: Parameters<Results['middle']>[1]) => results.middle(system, value)
        const late = (share: keyof Percentiles) => middle(one => one.late[share]).toFixed(1)
        const skew = (share: keyof Percentiles) => middle(({ skew }) => skew?.[share] ?? Number.NaN).toFixed(1)
        return [
          system.name,
          {
            'quotes/s': Math.round(middle(({ quotesPerSecond }) => quotesPerSecond)),
            'came %': Math.round(100 * middle(({ delivered }) => delivered)),
            'CPU µs/quote': middle(serverCpu).toFixed(2),
            spread: results.spread(system, serverCpu, 2),
            'publisher µs': middle(({ publisherMicros }) => publisherMicros).toFixed(2),
            'late ms p50, p99, p99.9': `${late('p50')}, ${late('p99')}, ${late('p999')}`,
            'age p50': middle(({ age }) => age.p50).toFixed(1),
            'skew p50, p99': load.watched === null ? `${skew('p50')}, ${skew('p99')}` : '',
            'B/quote': Math.round(middle(({ bytes, quotes }) => bytes / quotes)),
            'quotes/frame': Math.round(middle(({ quotesPerFrame }) => quotesPerFrame)),
            'idle KiB': middle(({ idleKib }) => idleKib).toFixed(1),
            'served KiB': middle(({ servedKib }) => servedKib).toFixed(1)
          }
        ]
      })
    )
  )
}
