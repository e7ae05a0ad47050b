import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { cpuMicros } from '../kit/cpu-time.ts'
import { startPart } from '../kit/part.ts'
import { residentKib } from '../kit/resident-kib.ts'
import { withScope } from '../kit/scope.ts'
import { LOADS, type Load, type LoadName } from './loads.ts'
import type { System } from './systems.ts'
import type { CrowdTask, PublisherTask, Received } from './task.ts'

/** After connecting, until memory is looked at. */
const SETTLE_MS = 300

/** One system under one load. */
export interface Measured extends Received {
  quotesPerSecond: number
  /** Of the quotes that were published within the time, those that came, 1 for all. */
  delivered: number
  /** Processor time per quote delivered. */
  serverMicros: number
  publisherMicros: number
  /** Resident memory of the server per connection that has not subscribed yet, and per client while it is served. */
  idleKib: number
  servedKib: number
}

/** Runs a server, then a process with the clients and one that publishes, all of their own. */
export function measure(system: System, loadName: LoadName): Promise<Measured> {
  const load: Load = LOADS[loadName]
  return withScope(async scope => {
    const server = await system.start(scope)
    const resident = () => residentKib(server.pid) ?? Number.NaN
    const { form, dialect, outlet } = system
    const { port, publishPort, originMicros } = server
    const crowdTask: CrowdTask = { load, form, dialect, port, originMicros, checked: false }
    const crowd = await startPart(scope, script('crowd'), crowdTask)
    const publisherTask: PublisherTask = { load, form, outlet, port: publishPort }
    const publisher = await startPart(scope, script('publisher'), publisherTask)

    await server.collect()
    const kibBefore = resident()
    await crowd.call('connect')
    await delay(SETTLE_MS)
    await server.collect()
    const kibIdle = resident()
    await crowd.call('subscribe')
    crowd.onTold(quotes => publisher.post('received', quotes))
    await publisher.call('start')
    await delay(load.warmUpMs)

    const look = async () => ({
      server: cpuMicros(server.pid),
      publisher: cpuMicros(publisher.pid),
      published: await publisher.call<number>('count')
    })
    await crowd.call('begin')
    const before = await look()
    await delay(load.measureMs)
    const received = await crowd.call<Received>('end')
    const after = await look()
    const wanted = (after.published - before.published) * load.clients * ((load.watched ?? load.symbols) / load.symbols)
    return {
      ...received,
      quotesPerSecond: (received.quotes / received.ms) * 1_000,
      delivered: received.quotes / wanted,
      serverMicros: (after.server - before.server) / received.quotes,
      publisherMicros: (after.publisher - before.publisher) / received.quotes,
      idleKib: (kibIdle - kibBefore) / load.clients,
      servedKib: (resident() - kibBefore) / load.clients
    }
  })
}

function script(name: string): string {
  return join(import.meta.dirname, `${name}.ts`)
}
