import { globSync } from 'node:fs'
import { basename, join } from 'node:path'

/** `npm run bench <name>`: each file beside this one answers one question, and prints what it measured. */
const names = globSync(join(import.meta.dirname, '*.ts'))
  .map(file => basename(file, '.ts'))
  .filter(name => name !== 'run')
  .sort()
const [name = '', ...rest] = process.argv.slice(2)
if (!names.includes(name) || rest.length > 0) {
  console.error(`expected one of: ${names.join(', ')}; got ${JSON.stringify([name, ...rest].join(' '))}`)
  process.exit(2)
}
const { run } = (await import(`./${name}.ts`)) as { run: () => Promise<void> }
await run()
