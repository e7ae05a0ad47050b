import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface ChildSpec {
  /** Prefixes its output. */
  name: string
  command: string
  args: readonly string[]
  /** The whole environment; without it that of this process. */
  env?: Readonly<Record<string, string>>
  cwd?: string
  /** Takes one line of its output, or of what happens to it. */
  print: (name: string, line: string) => void
  /** The delays before it is started again. */
  backOff: { next(): number; reset(): void }
}

/** A child that ran so long was well: the next failure is a first one. */
const WELL_MS = 10_000
/** Longer than a service of quotecast takes to drain. */
const STOP_MS = 10_000

/**
 * A child process that is started again when it ends by itself. It has a process group of its own, so that a Ctrl-C at the
 * terminal reaches only the parent, who ends the children in order.
 */
export class Child {
  readonly #spec: ChildSpec
  #process: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #stopping = false
  #restarts = 0

  constructor(spec: ChildSpec) {
    this.#spec = spec
  }

  get name(): string {
    return this.#spec.name
  }

  /** How often it ended by itself. */
  get restarts(): number {
    return this.#restarts
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  start(): void {
    const { name, command, args, env, cwd, print, backOff } = this.#spec
    const startedAt = performance.now()
    const child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => print(name, line))
    }
    const ended = (how: string) => {
      if (this.#process !== child) return
      this.#process = undefined
      if (this.#stopping) return
      this.#restarts++
      if (performance.now() - startedAt > WELL_MS) backOff.reset()
      const delayMs = Math.round(backOff.next())
      print(name, `ended by itself (${how}); starts again in ${delayMs} ms`)
      this.#timer = setTimeout(() => this.start(), delayMs)
    }
    child.once('error', error => ended(error.message))
    child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`))
  }

  /** SIGTERM, and SIGKILL after 10 s; resolves when it is gone. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => {
      this.#spec.print(this.name, `still there ${STOP_MS} ms after SIGTERM; killed`)
      child.kill('SIGKILL')
    }, STOP_MS)
    await exited
    clearTimeout(timer)
  }

  /** SIGKILL without waiting, for the parent's own end. */
  kill(): void {
    this.#stopping = true
    clearTimeout(this.#timer)
    this.#process?.kill('SIGKILL')
  }
}
