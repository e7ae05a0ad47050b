import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cleanUp, type Scope } from '../../test/kit/clean-up.ts'

/** A process that does its part of a benchmark until the scope ends, and tells when asked. */
export interface PeerProcess<T> {
  readonly pid: number
  /** What it did since it was last asked, or since its start: as its answer defines. */
  ask(): Promise<T>
}

/** Starts a script that calls {@link answer}; resolves when it has done so. */
export async function startPeer<T>(scope: Scope, script: string, args: readonly string[]): Promise<PeerProcess<T>> {
  const child = fork(script, [...args], { execArgv: ['--disable-warning=ExperimentalWarning'] })
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${script} ended: ${code ?? signal}`)
  })
  // At the scope's end nobody asks any more.
  ended.catch(() => undefined)
  cleanUp(scope, () => child.kill('SIGKILL'))
  const reply = async () => {
    const [message] = await Promise.race([once(child, 'message'), ended])
    return message as T
  }
  await reply()
  return {
    pid: child.pid ?? 0,
    ask() {
      const told = reply()
      child.send('tell')
      return told
    }
  }
}

/** The script's part: what it tells whenever it is asked. */
export function answer(tell: () => object): void {
  process.on('message', () => process.send?.(tell()))
  process.on('disconnect', () => process.exit())
  process.send?.({})
}
