import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Child, type ChildSpec } from './child.ts'
import { findBinary } from './find-binary.ts'
import { freePort, isFree } from './free-port.ts'
import { mariadbServer } from './mariadb-server.ts'
import { canSyncAlways, natsServer } from './nats-server.ts'
import { rabbitmqServer } from './rabbitmq-server.ts'
import { redisServer } from './redis-server.ts'
import type { ServerPlace, ServerRecipe } from './server-recipe.ts'

export interface ClusterSpec {
  /** Processes by the service each runs. With a `relay` there is a RabbitMQ as well. */
  counts: Readonly<Record<string, number>>
  /** The repository's root. */
  root: string
  /** Where the servers keep their data; without it a temporary directory, removed at the end. */
  dataDir?: string
  /** The port of the first gateway; the next ones take the following ports. 0 takes free ones. */
  gatewayPort: number
  /** More environment of every service, such as CONFIG. */
  env: Readonly<Record<string, string>>
  /** Accounts and their rights: lines of nats-server's configuration that read `NATS_<USER>_PASSWORD`. */
  natsUsers: string
  /** The names of these accounts; `operator` is for a REPL. */
  natsUserNames: readonly string[]
  print: ChildSpec['print']
  newBackOff: () => ChildSpec['backOff']
}

const SERVER_START_MS = 60_000
const POLL_MS = 50
const DATABASE = 'quotecast'
const RABBITMQ_USER = 'rabbitmq'

/** The topology of docker-compose.yml as processes of this machine: private servers on free ports of 127.0.0.1, and one process per service. */
export class Cluster {
  readonly #spec: ClusterSpec
  readonly #servers: Child[] = []
  readonly #services: Child[] = []
  #dir = ''
  #stopped: Promise<void> | undefined
  /** Base URLs of the gateways. */
  readonly gateways: string[] = []
  /** A file with the environment of a process that joins as operator, readable by the owner only. */
  operatorEnvFile = ''

  constructor(spec: ClusterSpec) {
    this.#spec = spec
  }

  /** Resolves when the servers answer and the services are started. @throws Error naming what is missing or did not start; then call `stop`. */
  async start(): Promise<void> {
    const { dataDir, natsUserNames, natsUsers } = this.#spec
    this.#dir = dataDir ?? (await mkdtemp(join(tmpdir(), 'quotecast-cluster-')))
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const password = await this.#readPasswords([DATABASE, 'redis', RABBITMQ_USER, ...natsUserNames])
    const natsEnv = Object.fromEntries(
      natsUserNames.map(name => [`NATS_${name.toUpperCase()}_PASSWORD`, password(name)])
    )
    const account = { database: DATABASE, user: DATABASE, password: password(DATABASE) }
    const syncAlways = await canSyncAlways(await findBinary('nats-server', 'nats-server'))
    // All come to an end before the first failure is told, so that none starts behind a stop.
    const started = await Promise.allSettled([
      this.#startServer(natsServer({ config: natsUsers, syncAlways }), natsEnv),
      this.#startServer(mariadbServer(account)),
      this.#startServer(redisServer(password('redis'))),
      ...(this.#spec.counts.relay ? [this.#startRabbitmq(password(RABBITMQ_USER))] : [])
    ])
    const [nats, mariadb, redis, rabbitmq] = started.map(unwrap)
    const streams = join(this.#dir, 'streams.yaml')
    await writeFile(streams, `fsync: ${syncAlways ? 'always' : 'interval'}\n`)
    const environmentOf = (user: string): Record<string, string> => ({
      STREAMS: streams,
      ...this.#spec.env,
      TRANSPORTER: `nats://${user}:${password(user)}@127.0.0.1:${nats}`,
      HISTORY: `mysql://${DATABASE}:${password(DATABASE)}@127.0.0.1:${mariadb}/${DATABASE}`,
      LATEST: `redis://:${password('redis')}@127.0.0.1:${redis}/0`,
      ...(rabbitmq === undefined
        ? {}
        : { AMQP_URL: `amqp://${RABBITMQ_USER}:${password(RABBITMQ_USER)}@127.0.0.1:${rabbitmq}` })
    })
    this.operatorEnvFile = join(this.#dir, 'operator.env')
    const lines = Object.entries(environmentOf('operator')).map(([name, value]) => `${name}=${value}\n`)
    await writeFile(this.operatorEnvFile, lines.join(''), { mode: 0o600 })
    for (const [service, count] of Object.entries(this.#spec.counts)) {
      for (let n = 1; n <= count; n++) await this.#startService(service, n, environmentOf(service))
    }
  }

  /** Resolves when every gateway is ready, or false after the time. */
  async waitUntilReady(timeoutMs: number): Promise<boolean> {
    const end = performance.now() + timeoutMs
    for (const url of this.gateways) {
      while (!(await isReady(url))) {
        if (performance.now() > end || this.#stopped !== undefined) return false
        await delay(POLL_MS)
      }
    }
    return true
  }

  /** Ends the services, then the servers, and removes what was temporary. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  /** SIGKILL to all that still run, for the very end of this process. */
  kill(): void {
    for (const child of [...this.#services, ...this.#servers]) child.kill()
  }

  async #stop(): Promise<void> {
    await Promise.all(this.#services.map(child => child.stop()))
    await Promise.all(this.#servers.map(child => child.stop()))
    if (this.#spec.dataDir === undefined && this.#dir !== '') await rm(this.#dir, { recursive: true, force: true })
  }

  /** Starts a server, in a folder of its own. @returns its port. */
  async #startServer(recipe: ServerRecipe, env?: Record<string, string>): Promise<number> {
    const command = await findBinary(recipe.binary, recipe.debianPackage)
    const place: ServerPlace = { port: await freePort(), dir: join(this.#dir, recipe.name) }
    await mkdir(place.dir, { recursive: true, mode: 0o700 })
    await recipe.prepare(place)
    if (this.#stopped !== undefined) throw new Error('stopped while starting')
    const child = this.#child({ name: recipe.name, command, args: recipe.args(place), cwd: place.dir, env })
    this.#servers.push(child)
    child.start()
    const end = performance.now() + SERVER_START_MS
    while (!(await recipe.ready(place))) {
      if (child.restarts > 0) throw new Error(`${recipe.name} did not start; its output is above`)
      if (performance.now() > end) throw new Error(`${recipe.name} did not answer within ${SERVER_START_MS} ms`)
      await delay(POLL_MS)
    }
    return place.port
  }

  async #startRabbitmq(password: string): Promise<number> {
    const ports = { distributionPort: await freePort(), registryPort: await freePort() }
    return this.#startServer(rabbitmqServer({ user: RABBITMQ_USER, password, ...ports }))
  }

  async #startService(service: string, n: number, env: Record<string, string>): Promise<void> {
    const { root } = this.#spec
    const port = service === 'gateway' ? await this.#gatewayPort(n) : 0
    if (this.#stopped !== undefined) throw new Error('stopped while starting')
    const child = this.#child({
      name: `${service}-${n}`,
      command: process.execPath,
      args: ['--disable-warning=ExperimentalWarning', join(root, 'bin/quotecast.js')],
      cwd: root,
      env: { ...env, SERVICES: service, PORT: String(port) }
    })
    this.#services.push(child)
    child.start()
  }

  async #gatewayPort(n: number): Promise<number> {
    const { gatewayPort } = this.#spec
    const port = gatewayPort === 0 ? await freePort() : gatewayPort + n - 1
    if (!(await isFree(port))) throw new Error(`expected port ${port} to be free for gateway ${n}, it is in use`)
    this.gateways.push(`http://127.0.0.1:${port}`)
    return port
  }

  #child(spec: Omit<ChildSpec, 'print' | 'backOff'>): Child {
    return new Child({ ...spec, print: this.#spec.print, backOff: this.#spec.newBackOff() })
  }

  /** The passwords of this data directory, made when it is new. */
  async #readPasswords(names: readonly string[]): Promise<(name: string) => string> {
    const file = join(this.#dir, 'passwords.json')
    const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '{}'
      throw error
    })
    const passwords = new Map(Object.entries(JSON.parse(kept) as Record<string, string>))
    // A letter first: nats-server would read a number otherwise.
    for (const name of names) {
      if (!passwords.has(name)) passwords.set(name, `p${randomBytes(24).toString('hex')}`)
    }
    await writeFile(file, JSON.stringify(Object.fromEntries(passwords)), { mode: 0o600 })
    return name => passwords.get(name) ?? ''
  }
}

function unwrap<T>(result: PromiseSettledResult<T>): T {
  if (result.status === 'rejected') throw result.reason
  return result.value
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ready`, { signal: AbortSignal.timeout(1_000) })).ok
  } catch {
    return false
  }
}
