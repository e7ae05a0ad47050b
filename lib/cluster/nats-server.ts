import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { probe } from './probe.ts'
import type { ServerRecipe } from './server-recipe.ts'

/** A nats-server with JetStream on file storage. @param config more lines of its configuration, e.g. `authorization { … }`. */
export function natsServer(config = ''): ServerRecipe {
  return {
    name: 'nats',
    binary: 'nats-server',
    debianPackage: 'nats-server',
    prepare: ({ dir }) =>
      writeFile(join(dir, 'nats.conf'), `jetstream { store_dir: ${JSON.stringify(dir)} }\n${config}\n`, {
        mode: 0o600
      }),
    args: ({ port, dir }) => ['-a', '127.0.0.1', '-p', String(port), '-c', join(dir, 'nats.conf')],
    // It greets with INFO once JetStream has recovered its streams.
    ready: ({ port }) => probe(port, '', reply => reply.startsWith('INFO'))
  }
}
