import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Server } from 'proxy-chain'
import { cleanUp } from './clean-up.ts'

export interface ProxyPlace {
  /** Where it listens, and where its connections to origins come from: 127.0.0.x are different peers on Linux. */
  address?: string
  /** 0 takes a free one. */
  port?: number
  user?: string
  password?: string
}

/** A real CONNECT proxy with credentials, which belongs to one test. */
export interface TestProxy extends Required<ProxyPlace> {
  /** With credentials, as in a list of proxies. */
  url: string
  /** Ends it with everything that passes through. Idempotent. */
  kill(): Promise<void>
}

/** A proxy in this process. */
export interface LocalProxy extends TestProxy {
  /** CONNECT requests so far, rejected ones included. */
  tunnels(): number
  /** Connections that are open now. */
  open(): number
}

const DEFAULTS = {
  address: '127.0.0.1',
  port: 0,
  user: 'user',
  password: 'secret'
} as const satisfies Required<ProxyPlace>

/** Starts a proxy in this process. */
export async function startProxy(t: TestContext, place: ProxyPlace = {}): Promise<LocalProxy> {
  const options = { ...DEFAULTS, ...place }
  const server = await listen(options)
  let closed: Promise<void> | undefined
  const kill = () => {
    closed ??= server.close(true)
    return closed
  }
  cleanUp(t, kill)
  return {
    ...options,
    port: server.port,
    url: urlOf({ ...options, port: server.port }),
    tunnels: () => server.stats.connectRequestCount,
    open: () => server.connections.size,
    kill
  }
}

/** Starts a proxy in a process of its own; `kill` is SIGKILL. */
export async function spawnProxy(t: TestContext, place: ProxyPlace = {}): Promise<TestProxy> {
  const options = { ...DEFAULTS, ...place }
  const child: ChildProcess = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  cleanUp(t, kill)
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the proxy ended with ${code ?? signal} instead of listening`)
  })
  const [line] = await Promise.race([once(child.stdout!, 'data'), ended])
  // From here on its end is the test's own doing.
  ended.catch(() => {})
  const port = Number(String(line))
  return { ...options, port, url: urlOf({ ...options, port }), kill }
}

function urlOf({ address, port, user, password }: Required<ProxyPlace>): string {
  return `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${address}:${port}`
}

async function listen({ address, port, user, password }: Required<ProxyPlace>): Promise<Server> {
  const server = new Server({
    host: address,
    port,
    prepareRequestFunction: request => ({
      requestAuthentication: request.username !== user || request.password !== password,
      localAddress: address
    })
  })
  await server.listen()
  return server
}

if (import.meta.main) {
  const server = await listen(JSON.parse(process.argv[2] ?? '') as Required<ProxyPlace>)
  process.stdout.write(`${server.port}\n`)
  // A proxy must not outlive the test that started it.
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) process.exit()
  }, 500)
}
