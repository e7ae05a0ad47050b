import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { probe } from './probe.ts'
import type { ServerRecipe } from './server-recipe.ts'

/** A Redis with an append-only file. The password goes by a file: a command line is public. */
export function redisServer(password: string): ServerRecipe {
  return {
    name: 'redis',
    binary: 'redis-server',
    debianPackage: 'redis-server',
    prepare: ({ dir }) =>
      writeFile(join(dir, 'redis.conf'), `requirepass ${JSON.stringify(password)}\n`, { mode: 0o600 }),
    args: ({ port, dir }) => [
      ...[join(dir, 'redis.conf'), '--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
      ...['--appendonly', 'yes', '--save', '', '--loglevel', 'warning']
    ],
    // While it loads its file it refuses a PING.
    ready: ({ port }) =>
      probe(port, `AUTH ${password}\r\nPING\r\n`, reply =>
        reply.split('\r\n').length > 2 ? reply.includes('+PONG') : undefined
      )
  }
}
