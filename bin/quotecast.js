// Plain JavaScript, so that a Node too old to run the rest can still say so.
const NEEDED = 24
const found = Number(process.versions.node.split('.')[0])
if (found < NEEDED) {
  console.error(`quotecast needs Node ${NEEDED} or newer, found ${process.version}.`)
  console.error('`npm ci` brings one for this project; start by `npm start` or `npm run …`, which use it.')
  process.exit(1)
}

const { main } = await import('./main.ts')
await main(process.argv.slice(2))
