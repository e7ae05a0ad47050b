import { join } from 'node:path'
import { Runner } from 'moleculer'
import { ConfigError } from '../lib/config/config-error.ts'
import { usesDemo } from '../lib/config/markets.ts'

const ROOT = join(import.meta.dirname, '..')

/**
 * Runs the services that the configuration names on Moleculer's runner, with a REPL when asked for by `--repl`.
 * With a NATS transporter and no SERVICES, `--repl` attaches to the running cluster and brings no service of its own.
 */
export async function main(args: readonly string[]): Promise<void> {
  const services = await chooseServices(args.includes('--repl'))
  const files = services.map(name => join(ROOT, 'services', `${name}.service.ts`))
  await new Runner().start(['node', 'quotecast', '--config', join(ROOT, 'moleculer.config.ts'), ...args, ...files])
}

async function chooseServices(repl: boolean): Promise<readonly string[]> {
  try {
    const { available, markets, settings } = await import('../moleculer.config.ts')
    if (settings.services !== null) return settings.services
    if (repl && settings.transporter.kind === 'nats') return []
    return available.filter(name => name !== 'exchange' || markets.sources.some(usesDemo))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(`quotecast did not start: ${error.message}`)
    process.exit(1)
  }
}
