import { join } from 'node:path'

// Plain JavaScript, so that a Node too old to run the rest can still say so.
const NEEDED = 24
const found = Number(process.versions.node.split('.')[0])
if (found < NEEDED) {
  console.error(`quotecast needs Node ${NEEDED} or newer, found ${process.version}.`)
  console.error('`npm ci` brings one for this project; start by `npm start` or `npm run …`, which use it.')
  process.exit(1)
}

// From the second start on, what was stripped and compiled before is used again; where it cannot be kept nothing changes.
const { enableCompileCache } = await import('node:module')
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/compile'))

const { main } = await import('./main.ts')
await main(process.argv.slice(2))
