import { parseArgs } from 'node:util'
import { EXCHANGE_DEFAULTS, type ExchangeOptions, startExchange } from '../lib/exchange/exchange.ts'

const USAGE = `Usage: npm run exchange -- [options]

An exchange on this machine that speaks Binance's market-data API, with a DEMO market.

  --host ADDRESS   listen here (127.0.0.1)
  --port N         0 takes a free one (8090)
  --seed N         another synthetic market (1)
  --symbols N      number of synthetic pairs (20)
  --rate N         synthetic events per second and pair (10)
  --play FILE      play a recording (.gz or .jsonl.zst) instead, once, from the first subscription on
  --speed S        1, 10 or any multiple of the recorded pace, or max (1)
  --hold           play only after POST /demo/play
  --help

GET /demo/status tells what has been served and how far a playback is.`

const DEFAULT_PORT = '8090'

function readOptions(args: readonly string[]): Partial<ExchangeOptions> | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: { type: 'string', default: EXCHANGE_DEFAULTS.host },
      port: { type: 'string', default: DEFAULT_PORT },
      seed: { type: 'string', default: String(EXCHANGE_DEFAULTS.market.seed) },
      symbols: { type: 'string', default: String(EXCHANGE_DEFAULTS.market.pairs) },
      rate: { type: 'string', default: String(EXCHANGE_DEFAULTS.market.rate) },
      play: { type: 'string' },
      speed: { type: 'string', default: '1' },
      hold: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return undefined
  const { host, play, hold } = values
  return {
    host,
    port: readNumber('port', values.port),
    market:
      play === undefined
        ? {
            kind: 'synthetic',
            seed: readNumber('seed', values.seed),
            pairs: readNumber('symbols', values.symbols),
            rate: readNumber('rate', values.rate)
          }
        : {
            kind: 'playback',
            file: play,
            speed: values.speed === 'max' ? 'max' : readNumber('speed', values.speed),
            hold
          }
  }
}

function readNumber(name: string, text: string): number {
  const number = text === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(number)) throw new TypeError(`--${name}: expected a number, got ${JSON.stringify(text)}`)
  return number
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) {
    console.log(USAGE)
  } else {
    const exchange = await startExchange(options)
    console.log(`DEMO exchange, prices are not real: ${exchange.url} and ${exchange.streamUrl}/stream`)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void exchange.close())
  }
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`)
  process.exitCode = 1
}
