import { globSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import type { BrokerOptions } from 'moleculer'
import { type AccessConfig, OPEN_ACCESS } from './lib/access/access.ts'
import { watchFile } from './lib/access/key-file.ts'
import { CODECS, STREAMS, withRelay } from './lib/buffer/streams.ts'
import { ConfigError } from './lib/config/config-error.ts'
import { endOnSignals } from './lib/config/end-on-signals.ts'
import { LOG_OPTIONS, logLevels } from './lib/config/log-options.ts'
import type { Markets } from './lib/config/markets.ts'
import { readAccess } from './lib/config/read-access.ts'
import { readMarkets } from './lib/config/read-markets.ts'
import { readSettings, VARIABLES } from './lib/config/read-settings.ts'
import { readStreams, type StreamsConfig } from './lib/config/read-streams.ts'
import type { Settings } from './lib/config/settings.ts'
import { parseProxies } from './lib/egress/parse-proxies.ts'
import { COMMANDS } from './lib/repl/commands.ts'
import { channelsOf, keyProblem } from './lib/sources/registry.ts'
import { createTransport } from './lib/transport/create-transport.ts'

/** The services that exist, by the names that `SERVICES` takes. */
export const available: readonly string[] = globSync(join(import.meta.dirname, 'services/*.service.ts'))
  .map(file => basename(file, '.service.ts'))
  .sort()

const readText = (file: string): string => readFileSync(file, 'utf8')

/** What the environment decides. This module is its only reader. */
export const settings: Settings = readSettings({ env: process.env, readFile: readText, available, checkProxies })

/** What is collected: the content of the markets file. */
export const markets: Markets = readMarketsFile(settings.configFile)

/** Who may use the gateway. */
export const access: AccessConfig = readAccessFile(settings)

// Secrets do not stay where child processes inherit them, and the runner must not take TRANSPORTER for its own option.
for (const name of Object.keys(VARIABLES)) delete process.env[name]

/** What is wrong with a list of proxies, without their passwords; null when nothing is. */
function checkProxies(lines: readonly string[]): string | null {
  try {
    parseProxies(lines.join('\n'))
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function readMarketsFile(file: string): Markets {
  return readFileOf('CONFIG', file, text => readMarkets(text, file, channelsOf, keyProblem))
}

/** The files that it names are found from where it stands. */
function readAccessFile({ accessFile: file, trustedProxies }: Settings): AccessConfig {
  if (file === '') return { ...OPEN_ACCESS, trustedProxies }
  const find = (path: string): string => resolve(dirname(file), path)
  const files = { read: (path: string) => readText(find(path)), watch: (path: string) => watchFile(find(path)) }
  return readFileOf('ACCESS', file, text => readAccess(text, file, files, trustedProxies))
}

function readStreamsFile(file: string): StreamsConfig {
  if (file === '') return { streams: STREAMS, fsync: 'interval' }
  return readFileOf('STREAMS', file, text => readStreams(text, file, STREAMS))
}

function readFileOf<T>(name: string, file: string, read: (text: string) => T): T {
  try {
    return read(readText(file))
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new ConfigError([`${name}: expected a readable file, got ${file}: ${(error as Error).message}`])
  }
}

/** What groups give up in one process, beside the history's file; a server keeps it in a stream. */
const DEAD_LETTERS = 'data/dead-letters'

const { streams, fsync } = readStreamsFile(settings.streamsFile)
const { transporter, middleware } = await createTransport(settings.transporter, {
  streams: settings.relay === '' ? streams : withRelay(streams),
  fsync,
  codecs: CODECS,
  deadLetterDir: DEAD_LETTERS
})

const start = Promise.withResolvers<void>()

export default {
  namespace: settings.namespace,
  nodeID: `${settings.services?.join('+') || 'quotecast'}-${hostname()}-${process.pid}`,
  logger:
    settings.logLevel === 'silent'
      ? false
      : { type: 'Pino', options: { level: logLevels(settings.logLevel), pino: { options: LOG_OPTIONS } } },
  transporter,
  middlewares: [middleware],
  disableBalancer: true,
  // A request that nobody answers must not hang a client.
  requestTimeout: 10_000,
  registry: { stopDelay: 0 },
  // Moleculer's own handlers stop again at a second signal and let a third one kill.
  skipProcessEventRegistration: true,
  replOptions: { customCommands: COMMANDS },
  created: broker => endOnSignals(broker, start.promise),
  started(broker) {
    start.resolve()
    broker.getLogger('quotecast').info({ services: broker.services.map(({ name }) => name) }, 'quotecast started')
  }
} satisfies BrokerOptions
