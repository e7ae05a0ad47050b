import { formatKey, parseKey } from '../../instruments/instrument-key.ts'
import { SourceError } from '../source.ts'

/** The venue part of the keys of this source. */
export const VENUE = 'binance'

/** `binance:spot:BTC-USDT` -> `BTCUSDT`. @throws SourceError `unsupported_key` for a key of another venue, type or form. */
export function symbolOf(key: string): string {
  const parsed = parseKey(key)
  const [base = '', quote = '', ...rest] = parsed?.symbol.split('-') ?? []
  if (parsed?.venue !== VENUE || parsed.type !== 'spot' || base === '' || quote === '' || rest.length > 0) {
    throw new SourceError('unsupported_key', `expected a key like ${VENUE}:spot:BTC-USDT, got ${JSON.stringify(key)}`)
  }
  return base + quote
}

/** The key of a pair of assets, or undefined when the names cannot stand in a key. */
export function keyOfPair(base: string, quote: string): string | undefined {
  if (base === '' || quote === '' || base.includes('-') || quote.includes('-')) return undefined
  const key = formatKey({ venue: VENUE, type: 'spot', symbol: `${base}-${quote}` })
  return parseKey(key) === undefined ? undefined : key
}
