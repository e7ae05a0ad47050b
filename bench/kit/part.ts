import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cleanUp, type Scope } from '../../test/kit/clean-up.ts'

/** A process of one measurement, ended with its scope. It speaks as `answerCalls` does. */
export interface Part<Ready> {
  readonly pid: number
  /** What it said when it was ready. */
  readonly ready: Ready
  /** Calls one of its functions; rejects when that throws, or when the process ends. */
  call<T>(name: string, value?: unknown): Promise<T>
  /** As `call`, nobody waiting for the answer. */
  post(name: string, value: unknown): void
  /** Told of what it says unasked. */
  onTold(listener: (value: unknown) => void): void
}

export interface PartOptions {
  execPath?: string
  execArgv?: readonly string[]
}

interface Answer {
  id?: number
  value?: unknown
  error?: string
  told?: unknown
}

/** Beyond what any call takes; a server that does not answer its clients would hold the benchmark for ever. */
const CALL_MS = 60_000

/** Starts a script with one argument, given as JSON; resolves when it is ready. */
export async function startPart<Ready>(
  scope: Scope,
  script: string,
  task: unknown,
  { execPath = process.execPath, execArgv = ['--disable-warning=ExperimentalWarning'] }: PartOptions = {}
): Promise<Part<Ready>> {
  const child = fork(script, [JSON.stringify(task)], { execPath, execArgv: [...execArgv] })
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  const listeners: ((value: unknown) => void)[] = []
  let calls = 0
  const exited = once(child, 'exit')
  cleanUp(scope, async () => {
    child.kill('SIGKILL')
    await exited
  })
  const answered = <T>(id: number) =>
    new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve, reject })
      setTimeout(() => {
        if (waiting.delete(id)) reject(new Error(`${script}: no answer within ${CALL_MS} ms`))
      }, CALL_MS).unref()
    })
  child.on('message', (message: Answer) => {
    if (message.id === undefined) {
      for (const listener of listeners) listener(message.told)
      return
    }
    const call = waiting.get(message.id)
    waiting.delete(message.id)
    if (message.error === undefined) call?.resolve(message.value as never)
    else call?.reject(new Error(`${script}: ${message.error}`))
  })
  child.once('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`${script} ended: ${code ?? signal}`))
  })
  const ready = await answered<Ready>(0)
  return {
    pid: child.pid ?? 0,
    ready,
    call(name, value) {
      const id = ++calls
      const answer = answered<never>(id)
      child.send({ id, name, value })
      return answer
    },
    post(name, value) {
      // A process that is gone has nobody to tell.
      if (child.connected) child.send({ id: ++calls, name, value }, () => {})
    },
    onTold: listener => void listeners.push(listener)
  }
}
