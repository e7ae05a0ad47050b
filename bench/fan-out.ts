import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { LOADS, type LoadName } from './fan-out/loads.ts'
import { measure } from './fan-out/measure.ts'
import { printResults } from './fan-out/print-results.ts'
import { Results, serverCpu, wholeCpu } from './fan-out/results.ts'
import { QUOTECAST, SYSTEMS, type System } from './fan-out/systems.ts'
import { say } from './kit/say.ts'
import { withScope } from './kit/scope.ts'

/**
 * What does it cost to push quotes to many clients, and how late do they come, beside what one would take instead? The push engine
 * and its port are what the gateway runs; batches come from a publisher in place of the stream. Peers get a message per quote, and in
 * a second row the finished ticks that quotecast has to make for itself, so that the engines are compared and not only the batching.
 */
const ROUNDS = 3
/** Beside the clients' connections. */
const OTHER_FILES = 100
/** What a share of the best peer's processor time may be. */
const CPU_LIMITS: Record<LoadName, number> = { everything: 0.25, watchlists: 0.5, saturation: 0.5 }
const LATE_P99_MS = 25
const ADDED_P50_MS = 10
const IDLE_KIB = 12

export async function run(): Promise<void> {
  console.log(`Server, clients and publisher share ${availableParallelism()} processors; medians of ${ROUNDS} rounds.`)
  console.log('late: from when a frame was due; where a message is one quote, or all clients get each quote, from when')
  console.log(
    'the quote was published. age: from then in any case. skew: from the first client to the last. idle: memory per'
  )
  console.log('connection before it subscribes (with nchan the address subscribes); served: per client under the load.')
  const systems = await present()
  const all = new Map<LoadName, Results>()
  for (const name of loads()) {
    const results = await interleave(systems, name)
    printResults(LOADS[name], results)
    all.set(name, results)
  }
  judge(all)
}

/** Starts and ends every server once. What cannot be started here is left out, with the reason. */
async function present(): Promise<System[]> {
  const systems: System[] = []
  for (const system of SYSTEMS) {
    try {
      await withScope(scope => system.start(scope))
      systems.push(system)
    } catch (error) {
      if (system === QUOTECAST) throw error
      console.log(`${system.name}: left out. ${error instanceof Error ? error.message : error}`)
    }
  }
  return systems
}

/** Those that the limit of open files allows; it holds for the server and for the process with the clients, each. */
function loads(): LoadName[] {
  const limits = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  const files = limits === 'unlimited' ? Infinity : Number(limits)
  return (Object.keys(LOADS) as LoadName[]).filter(name => {
    const wanted = LOADS[name].clients + OTHER_FILES
    if (files >= wanted) return true
    console.log(`${LOADS[name].title}: left out, it takes ${wanted} open files per process (ulimit -n), not ${files}`)
    return false
  })
}

/** The systems take turns, so that what else the machine does meets all of them. */
async function interleave(systems: readonly System[], load: LoadName): Promise<Results> {
  const results = new Results()
  for (let round = 0; round < ROUNDS; round++) {
    for (const system of systems) {
      try {
        results.add(system, await measure(system, load))
      } catch (error) {
        if (system === QUOTECAST) throw error
        console.log(`${system.name}: a round left out. ${error instanceof Error ? error.message : error}`)
      }
    }
  }
  return results
}

function judge(all: ReadonlyMap<LoadName, Results>): void {
  const ratios: Record<string, Record<'quotes' | 'ticks' | 'ticksWhole', number>> = {}
  for (const [name, results] of all) {
    const quotes = results.cpuRatio('quotes', serverCpu)
    const ticks = results.cpuRatio('ticks', serverCpu)
    const whole = results.cpuRatio('ticks', wholeCpu)
    const limit = CPU_LIMITS[name]
    say(quotes.ratio <= limit, `${name}: ${quotes.ratio} of the CPU per quote of ${quotes.peer} (at most ${limit})`)
    say(ticks.ratio <= 1, `${name}: ${ticks.ratio} of that of '${ticks.peer}', which only fans out (at most 1)`)
    console.log(`       ${name}: ${whole.ratio} of that of '${whole.peer}' with the publisher, which makes its ticks`)
    ratios[name] = { quotes: quotes.ratio, ticks: ticks.ratio, ticksWhole: whole.ratio }
  }
  const everything = all.get('everything')
  const best = everything?.bestPeer('quotes', ({ age }) => age.p50).value ?? Number.NaN
  const addedP50Ms = round((everything?.middle(QUOTECAST, ({ age }) => age.p50) ?? Number.NaN) - best)
  say(addedP50Ms <= ADDED_P50_MS, `everything: ${addedP50Ms} ms added to the p50 (at most ${ADDED_P50_MS})`)
  const watchlists = all.get('watchlists')
  const lateP99Ms = round(watchlists?.middle(QUOTECAST, ({ late }) => late.p99) ?? Number.NaN)
  say(lateP99Ms <= LATE_P99_MS, `watchlists: ${lateP99Ms} ms behind the due time, p99 (at most ${LATE_P99_MS})`)
  const idleKib = round(watchlists?.middle(QUOTECAST, one => one.idleKib) ?? Number.NaN)
  say(idleKib <= IDLE_KIB, `${idleKib} KiB per idle connection (at most ${IDLE_KIB})`)
  console.log(JSON.stringify({ bench: 'fan-out', cpuRatios: ratios, addedP50Ms, lateP99Ms, idleKib }))
}

function round(value: number): number {
  return Number(value.toFixed(1))
}
