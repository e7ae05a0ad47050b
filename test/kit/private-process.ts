import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinary } from '../../lib/cluster/find-binary.ts'
import { freePort } from '../../lib/cluster/free-port.ts'
import { cleanUp, type Scope } from './clean-up.ts'
import { waitUntil } from './wait-until.ts'

/** Where a private server runs: both stay the same over restarts. */
export interface Place {
  port: number
  /** A temporary directory of its own, removed after the test. */
  dir: string
}

export interface ProcessSpec {
  /** For messages and the directory's name. */
  name: string
  /** A command on PATH or an absolute path. */
  binary: string
  /** What to install where the binary is missing. */
  debianPackage?: string
  args: (place: Place) => string[]
  /** The whole environment; without it that of the tests. */
  env?: (place: Place) => NodeJS.ProcessEnv
  cwd?: string
  /** Runs once, before the first start. */
  prepare?: (place: Place) => Promise<void>
  /** Whether the server answers, given what this start wrote so far; a rejection counts as no. */
  ready: (place: Place, output: string) => Promise<boolean>
  readyTimeoutMs?: number
}

/** A server that belongs to one test. */
export interface PrivateProcess extends Place {
  /** The last 64 KiB of what it wrote since its last start. */
  output(): string
  /** SIGKILL; resolves when the process is gone. Idempotent. */
  kill9(): Promise<void>
  /** Starts it again on the same port and directory, and waits until it answers. Kills it first if it still runs. */
  restart(): Promise<void>
  /** SIGTERM, and SIGKILL after 5 s. Idempotent. @returns the exit code of this or the last end, or null after a signal. */
  stop(): Promise<number | null>
  /** Whether it runs now. */
  alive(): boolean
  /** Of the present start; undefined while it does not run. */
  pid(): number | undefined
}

const OUTPUT_CHARACTERS = 64 * 1024
const STOP_MS = 5_000

/** Children must not outlive a test process that ends without its hooks. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

/** Starts a binary on a free port in a temporary directory and waits until it answers; ends and removes both after the test. */
export async function startProcess(t: Scope, spec: ProcessSpec): Promise<PrivateProcess> {
  const binary = await findBinary(spec.binary, spec.debianPackage ?? spec.binary)
  const place = { port: await freePort(), dir: await mkdtemp(join(tmpdir(), `quotecast-${spec.name}-`)) }
  let child: ChildProcess | undefined
  let output = ''
  let exitCode: number | null = null

  const end = async (signal: NodeJS.Signals) => {
    const ending = child
    if (ending === undefined) return
    child = undefined
    if (ending.exitCode !== null || ending.signalCode !== null) return
    const exited = once(ending, 'exit')
    ending.kill(signal)
    const timer = setTimeout(() => ending.kill('SIGKILL'), STOP_MS)
    await exited
    clearTimeout(timer)
  }
  const start = async () => {
    const started = spawn(binary, spec.args(place), {
      cwd: spec.cwd ?? place.dir,
      env: spec.env?.(place) ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    child = started
    output = ''
    running.add(started)
    started.once('exit', code => {
      exitCode = code
      running.delete(started)
    })
    started.once('error', error => {
      output += String(error)
    })
    const keep = (text: string) => {
      output = (output + text).slice(-OUTPUT_CHARACTERS)
    }
    started.stdout.setEncoding('utf8').on('data', keep)
    started.stderr.setEncoding('utf8').on('data', keep)
    await waitUntil(
      `${spec.name} answers on port ${place.port}`,
      async () => {
        if (started.exitCode !== null || started.signalCode !== null) {
          throw new Error(`${spec.name} ended with ${started.exitCode ?? started.signalCode}: ${output.slice(-2_000)}`)
        }
        return spec.ready(place, output).catch(() => false)
      },
      spec.readyTimeoutMs ?? 30_000
    )
  }

  cleanUp(t, async () => {
    await end('SIGKILL')
    await rm(place.dir, { recursive: true, force: true, maxRetries: 5 })
  })
  await spec.prepare?.(place)
  await start()
  return {
    ...place,
    output: () => output,
    kill9: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGKILL')
      await start()
    },
    stop: async () => {
      await end('SIGTERM')
      return exitCode
    },
    alive: () => child !== undefined && child.exitCode === null && child.signalCode === null,
    pid: () => child?.pid
  }
}
