import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findBinary } from './find-binary.ts'
import { probe } from './probe.ts'
import type { ServerPlace, ServerRecipe } from './server-recipe.ts'

/** Behind what is on the PATH, which changes the user and the directory. */
const BINARY = '/usr/lib/rabbitmq/bin/rabbitmq-server'
const PACKAGE = 'rabbitmq-server'

export interface RabbitmqOptions {
  /** The account that it is made with. Without line ends. */
  user: string
  password: string
  /** Free ports of 127.0.0.1 for Erlang: between nodes, and for the registry of nodes. */
  distributionPort: number
  registryPort: number
}

/** A RabbitMQ of its own: data, home and cookie in its directory, and a registry of Erlang nodes that ends with it. */
export function rabbitmqServer(options: RabbitmqOptions): ServerRecipe {
  return {
    name: 'rabbitmq',
    // The script sets the environment and gives its place to the server, so that a signal reaches that.
    binary: 'sh',
    debianPackage: PACKAGE,
    prepare: place => prepare(place, options),
    args: ({ dir }) => [join(dir, 'start.sh')],
    // Its answer to the protocol's header is a frame of method `start`.
    ready: ({ port }) =>
      probe(port, 'AMQP\0\0\u0009\u0001', reply => (reply === '' ? undefined : reply.startsWith('\u0001')))
  }
}

async function prepare(place: ServerPlace, options: RabbitmqOptions): Promise<void> {
  const { dir } = place
  await Promise.all([
    writeFile(join(dir, 'rabbitmq.conf'), configuration(place, options), { mode: 0o600 }),
    writeFile(join(dir, 'enabled_plugins'), '[].\n'),
    writeFile(join(dir, 'start.sh'), script(place, options, await findBinary(BINARY, PACKAGE)))
  ])
}

function configuration({ port }: ServerPlace, { user, password }: RabbitmqOptions): string {
  return [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    `default_user = ${user}`,
    `default_pass = ${password}`,
    'loopback_users = none',
    'log.console = true',
    'log.console.level = warning',
    'log.file = false',
    // A private server shares its disk with others; by default it takes nothing while less than 50 MB are free.
    'disk_free_limit.absolute = 50MB',
    ''
  ].join('\n')
}

/**
 * RabbitMQ insists on a registry of Erlang nodes and leaves the one that it starts behind, so it gets one here. That of a start before may
 * still be there after a kill: it looks five times a second whether its server lives.
 */
function script({ port, dir }: ServerPlace, options: RabbitmqOptions, binary: string): string {
  const { distributionPort, registryPort } = options
  const environment = {
    HOME: dir,
    LANG: 'C.UTF-8',
    ERL_EPMD_PORT: String(registryPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_ALLOW_INPUT: '1',
    RABBITMQ_CONF_ENV_FILE: join(dir, 'none'),
    RABBITMQ_CONFIG_FILE: join(dir, 'rabbitmq.conf'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(dir, 'none.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dir, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(dir, 'data'),
    RABBITMQ_LOG_BASE: join(dir, 'log'),
    RABBITMQ_NODENAME: `quotecast${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}'
  }
  const exports = Object.entries(environment).map(([name, value]) => `export ${name}='${value}'`)
  return [
    ...exports,
    'epmd -kill > /dev/null 2>&1',
    '(',
    '  epmd & registry=$!',
    '  while kill -0 $$ 2> /dev/null; do sleep 0.2; done',
    '  kill $registry',
    ') > /dev/null 2>&1 &',
    `exec '${binary}' -noinput`,
    ''
  ].join('\n')
}
