import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { probe } from './probe.ts'
import type { ServerRecipe } from './server-recipe.ts'

export interface NatsServerOptions {
  /** More lines of its configuration, e.g. `authorization { … }`. */
  config?: string
  /** Brings what it acknowledges to the disk first. See {@link canSyncAlways}. */
  syncAlways?: boolean
}

/** A nats-server with JetStream on file storage. */
export function natsServer({ config = '', syncAlways = false }: NatsServerOptions = {}): ServerRecipe {
  const sync = syncAlways ? `, ${SYNC_ALWAYS}` : ''
  return {
    name: 'nats',
    binary: 'nats-server',
    debianPackage: 'nats-server',
    prepare: ({ dir }) =>
      writeFile(join(dir, 'nats.conf'), `jetstream { store_dir: ${JSON.stringify(dir)}${sync} }\n${config}\n`, {
        mode: 0o600
      }),
    args: ({ port, dir }) => ['-a', '127.0.0.1', '-p', String(port), '-c', join(dir, 'nats.conf')],
    // It greets with INFO once JetStream has recovered its streams.
    ready: ({ port }) => probe(port, '', reply => reply.startsWith('INFO'))
  }
}

const SYNC_ALWAYS = 'sync_interval: always'

/** Whether a nats-server knows how to bring every message to the disk before it answers; 2.9 refuses to start with that. @param binary Its path. */
export function canSyncAlways(binary: string): Promise<boolean> {
  return new Promise(resolve => {
    const check = execFile(binary, ['-t', '-c', '/dev/stdin'], error => resolve(error === null))
    check.stdin?.end(`jetstream { ${SYNC_ALWAYS} }\n`)
  })
}
