import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type PrivateProcess, startProcess } from './private-process.ts'

const ROOT = join(import.meta.dirname, '../..')

/**
 * A process of quotecast, started as a user starts it: by its entry point and the environment. `services` is a list of names,
 * or empty for all. PORT is the process's own free port. Resolves when its broker has started.
 */
export async function startNode(
  t: TestContext,
  services: string,
  env: Record<string, string>
): Promise<PrivateProcess> {
  return startProcess(t, {
    name: `node-${services || 'all'}`,
    binary: process.execPath,
    args: () => [join(ROOT, 'bin/quotecast.js')],
    env: place => ({ PATH: process.env.PATH, SERVICES: services, PORT: String(place.port), ...env }),
    cwd: ROOT,
    ready: async (_place, output) => output.includes('started successfully')
  })
}
