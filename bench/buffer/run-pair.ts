import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Task, Told } from './peer.ts'

const PEER = join(import.meta.dirname, 'peer.ts')
/** Beyond what the task takes by itself. */
const SLACK_MS = 30_000

/** Runs one consumer process, then one publisher process, and gives what the consumer measured. */
export async function runPair(task: Omit<Task, 'role'>): Promise<Told> {
  const consumer = start({ ...task, role: 'consume' })
  const lines = createInterface({ input: consumer.stdout! })[Symbol.asyncIterator]()
  let publisher: ChildProcess | undefined
  const overdue = setTimeout(() => consumer.kill('SIGKILL'), task.warmUpMs + task.measureMs + SLACK_MS)
  try {
    await nextLine(lines, consumer)
    publisher = start({ ...task, role: 'publish' })
    return JSON.parse(await nextLine(lines, consumer)) as Told
  } finally {
    clearTimeout(overdue)
    await Promise.all([end(publisher), end(consumer)])
  }
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
