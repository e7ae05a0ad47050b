import { appendFileSync } from 'node:fs'
import { type Context, ServiceBroker } from 'moleculer'
import { endOnSignals } from '../../lib/config/end-on-signals.ts'
import { createTransport } from '../../lib/transport/create-transport.ts'
import { streamControlOf } from '../../lib/transport/stream-control.ts'
import bufferService from '../../services/buffer.service.ts'
import { quickOptions } from './things.ts'

// One process with everything in memory, until a signal ends it. Appends what the group has handled to the file that is named; prints
// how many events are confirmed, and when a replay's handler has begun that never ends.
const [, , file = ''] = process.argv
const { transporter, middleware } = await createTransport(
  { kind: 'memory' },
  // What failed comes again when the process stops, and not before.
  { ...quickOptions, retryBaseMs: 60_000, retryCapMs: 60_000 }
)
const broker = new ServiceBroker({
  logger: false,
  transporter,
  middlewares: [middleware],
  disableBalancer: true,
  registry: { stopDelay: 0 },
  skipProcessEventRegistration: true
})
/** A handler that does by event and by how often that came. */
function handler(handle: (n: number, time: number) => void | Promise<void>) {
  const times = new Map<number, number>()
  return ({ params: { n } }: Context<{ n: number }>) => {
    const time = (times.get(n) ?? 0) + 1
    times.set(n, time)
    return handle(n, time)
  }
}
broker.createService({
  name: 'first',
  events: {
    'thing.happened': handler((n, time) => {
      if (time === 1) throw Object.assign(new Error('the database is away'), { retryable: true })
      appendFileSync(file, `${n}\n`)
    })
  }
})
broker.createService({
  name: 'second',
  events: {
    'thing.happened': handler(async (_n, time) => {
      if (time === 1) return
      process.stdout.write('replaying\n')
      await new Promise(() => undefined)
    })
  }
})
broker.createService(bufferService)
const started = broker.start()
endOnSignals(broker, started)
await started
const CONFIRMED = 50
for (let n = 0; n < CONFIRMED; n++) await broker.emit('thing.happened', { n }, { throwError: true })
process.stdout.write(`confirmed ${CONFIRMED}\n`)
while ((await streamControlOf(broker).streams())[0]?.groups[1]?.ackFloor !== CONFIRMED) {
  await new Promise(resolve => setImmediate(resolve))
}
await broker.call('buffer.replay', { stream: 'things', group: 'second' })
