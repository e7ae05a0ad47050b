import { join } from 'node:path'
import { Runner } from 'moleculer'
import { ConfigError } from '../lib/config/config-error.ts'
import { usesDemo } from '../lib/config/markets.ts'
import { startRepl } from './start-repl.ts'

const REPL = '--repl'
const ROOT = join(import.meta.dirname, '..')

/**
 * Runs the services that the configuration names on Moleculer's runner, with a REPL when asked for by `--repl`.
 * With a NATS transporter and no SERVICES, `--repl` attaches to the running cluster and brings no service of its own.
 */
export async function main(args: readonly string[]): Promise<void> {
  const repl = args.includes(REPL)
  const rest = args.filter(arg => arg !== REPL)
  const services = await chooseServices(repl)
  const files = services.map(name => join(ROOT, 'services', `${name}.service.ts`))
  const runner = new Runner()
  await runner.start(['node', 'quotecast', '--config', join(ROOT, 'moleculer.config.ts'), ...rest, ...files])
  if (repl && runner.broker !== null) startRepl(runner.broker)
}

async function chooseServices(repl: boolean): Promise<readonly string[]> {
  try {
    const { available, markets, settings } = await import('../moleculer.config.ts')
    if (settings.services !== null) return settings.services
    if (repl && settings.transporter.kind === 'nats') return []
    return available.filter(name => {
      if (name === 'relay') return settings.relay !== ''
      return name !== 'exchange' || markets.sources.some(usesDemo)
    })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(`quotecast did not start: ${error.message}`)
    process.exit(1)
  }
}
