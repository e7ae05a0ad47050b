import { join } from 'node:path'
import type { Scope } from './clean-up.ts'
import { type Place, type PrivateProcess, startProcess } from './private-process.ts'

const ROOT = join(import.meta.dirname, '../..')

/**
 * A process of quotecast, started as a user starts it: by its entry point and the environment. `services` is a list of names,
 * or empty for all; `more` adds what depends on the place. PORT is the process's own free port. Resolves when its broker has
 * started, which it says at LOG_LEVEL info.
 */
export async function startNode(
  t: Scope,
  services: string,
  env: Record<string, string>,
  more: (place: Place) => Record<string, string> = () => ({})
): Promise<PrivateProcess> {
  return startProcess(t, {
    name: `node-${services || 'all'}`,
    binary: process.execPath,
    args: () => [join(ROOT, 'bin/quotecast.js')],
    env: place => ({ PATH: process.env.PATH, SERVICES: services, PORT: String(place.port), ...env, ...more(place) }),
    cwd: ROOT,
    ready: async (_place, output) => output.includes('quotecast started')
  })
}
