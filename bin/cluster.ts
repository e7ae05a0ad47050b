import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { Cluster } from '../lib/cluster/cluster.ts'
import { BackOff } from '../lib/feed/back-off.ts'

const USAGE = `Usage: npm run cluster -- [options]

The topology of docker-compose.yml as processes of this machine: private nats-server, MariaDB and Redis, and one process
per service; with a relay a private RabbitMQ as well. Ctrl-C ends all of it.

  --exchange N --scheduler N --fetcher N --feed N --buffer N --storage N --latest N --gateway N --relay N
                   processes of each service (fetcher 2, gateway 2, relay 0, the others 1; 0 leaves one out)
  --port N         port of the first gateway, the others follow (3000); 0 takes free ones
  --data DIR       where the servers keep their data; without it a temporary directory, removed at the end
  --config FILE    the markets (config/markets.yaml)
  --proxies FILE   proxy URLs for the fetchers, one a line
  --log-level L    trace, debug, info, warn, error or silent (info)
  --help`

const ROOT = join(import.meta.dirname, '..')
/** In the order of their start. */
const SERVICES = [
  'buffer',
  'exchange',
  'storage',
  'latest',
  'gateway',
  'relay',
  'fetcher',
  'feed',
  'scheduler'
] as const
const DEFAULT_COUNTS: Partial<Record<string, string>> = { fetcher: '2', gateway: '2', relay: '0' }
const READY_MS = 30_000
const COLOURS = ['cyan', 'green', 'yellow', 'blue', 'magenta', 'gray'] as const

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(
      SERVICES.map(name => [name, { type: 'string', default: DEFAULT_COUNTS[name] ?? '1' } as const])
    ),
    port: { type: 'string', default: '3000' },
    data: { type: 'string' },
    config: { type: 'string' },
    proxies: { type: 'string' },
    'log-level': { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

function readCount(name: string, text: unknown, highest: number): number {
  if (typeof text === 'string' && /^\d{1,5}$/.test(text) && Number(text) <= highest) return Number(text)
  console.error(`--${name}: expected a number from 0 to ${highest}, got ${JSON.stringify(text)}`)
  process.exit(2)
}

const names = SERVICES.map(String)
const given: Record<string, unknown> = values
const env: Record<string, string> = {}
if (values.config !== undefined) env.CONFIG = resolve(values.config)
if (values.proxies !== undefined) env.PROXIES_FILE = resolve(values.proxies)
if (values['log-level'] !== undefined) env.LOG_LEVEL = values['log-level']

const cluster = new Cluster({
  counts: Object.fromEntries(names.map(name => [name, readCount(name, given[name], 64)])),
  root: ROOT,
  dataDir: values.data === undefined ? undefined : resolve(values.data),
  gatewayPort: readCount('port', values.port, 65_000),
  env,
  natsUsers: readFileSync(join(ROOT, 'deploy/nats/users.conf'), 'utf8'),
  natsUserNames: [...names, 'operator'],
  print,
  newBackOff: () => new BackOff(500, 30_000, Math.random)
})

/** One line with the name of who said it, in a colour by its service. */
function print(name: string, line: string): void {
  const index = names.findIndex(service => name.startsWith(service))
  console.log(`${styleText(COLOURS[index % COLOURS.length] ?? 'gray', name.padEnd(12))} ${line}`)
}

let stopping = false
async function stop(exitCode: number): Promise<void> {
  if (stopping) {
    print('cluster', 'killed')
    process.exit(1)
  }
  stopping = true
  print('cluster', 'stops: services first, then servers; once more to kill them')
  await cluster.stop()
  process.exit(exitCode)
}
process.on('SIGINT', () => void stop(0))
process.on('SIGTERM', () => void stop(0))
process.on('exit', () => cluster.kill())

try {
  await cluster.start()
  const ready = await cluster.waitUntilReady(READY_MS)
  if (!stopping) {
    for (const url of cluster.gateways) print('cluster', `${ready ? 'ready' : 'not ready yet'}: ${url}`)
    print('cluster', `a REPL: node_modules/.bin/node --env-file=${cluster.operatorEnvFile} bin/quotecast.js --repl`)
  }
} catch (error) {
  if (!stopping) {
    console.error(`the cluster did not start: ${(error as Error).message}`)
    await stop(1)
  }
}
