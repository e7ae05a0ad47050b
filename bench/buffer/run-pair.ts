import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startNatsServer } from '../../test/kit/nats-server.ts'
import { startRedis } from '../../test/kit/redis.ts'
import { cpuMicros } from '../kit/cpu-time.ts'
import { withScope } from '../kit/scope.ts'
import type { Task, Told } from './peer.ts'
import type { SystemName } from './systems.ts'

const PEER = join(import.meta.dirname, 'peer.ts')
/** Beyond what the task takes by itself. */
const SLACK_MS = 30_000

/** What the consumer told, and processor time within the measured time, in microseconds. */
export interface Measured extends Told {
  publisherMicros: number
  serverMicros: number
  consumerMicros: number
}

/** Runs an empty server of the system's, one consumer process, then one publisher process. */
export function runPair(task: Omit<Task, 'role' | 'place'>): Promise<Measured> {
  return withScope(async scope => {
    const usesRedis = task.system === ('Redis Streams' satisfies SystemName)
    const server = await (usesRedis ? startRedis(scope) : startNatsServer(scope))
    const place = 'url' in server ? { nats: '', redis: server.url } : { nats: server.server, redis: '' }
    const consumer = start({ ...task, place, role: 'consume' })
    const lines = createInterface({ input: consumer.stdout! })[Symbol.asyncIterator]()
    let publisher: ChildProcess | undefined
    const overdue = setTimeout(() => consumer.kill('SIGKILL'), task.warmUpMs + task.measureMs + SLACK_MS)
    try {
      await nextLine(lines, consumer)
      publisher = start({ ...task, place, role: 'publish' })
      const pids = [publisher.pid, server.pid(), consumer.pid].map(pid => pid ?? 0)
      await nextLine(lines, consumer)
      const before = pids.map(cpuMicros)
      const told = JSON.parse(await nextLine(lines, consumer)) as Told
      const [publisherMicros = 0, serverMicros = 0, consumerMicros = 0] = pids.map(
        (pid, n) => cpuMicros(pid) - before[n]!
      )
      return { ...told, publisherMicros, serverMicros, consumerMicros }
    } finally {
      clearTimeout(overdue)
      await Promise.all([end(publisher), end(consumer)])
    }
  })
}

function start(task: Task): ChildProcess {
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PEER, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
}

async function nextLine(lines: AsyncIterator<string>, child: ChildProcess): Promise<string> {
  const { value, done } = await lines.next()
  if (done === true) throw new Error(`a consumer ended without a result: ${child.exitCode ?? child.signalCode}`)
  return value
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
