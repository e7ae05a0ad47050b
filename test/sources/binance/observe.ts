import { keyOfPair } from '../../../lib/sources/binance/symbols.ts'
import type { Observation } from '../../../lib/sources/source.ts'

const QUOTES = ['USDT', 'USDC', 'BUSD', 'BTC', 'ETH', 'BNB', 'EUR', 'USD₮']

/** A key for any symbol that ends in a known asset. */
export function keyOfSymbol(symbol: string): string | undefined {
  const quote = QUOTES.find(asset => symbol.endsWith(asset))
  return quote && keyOfPair(symbol.slice(0, -quote.length), quote)
}

/** The circumstances of a payload in a test. */
export function observation(given: Partial<Observation> = {}): Observation {
  let counter = 0
  return {
    provider: 'binance',
    receivedTime: 1_723_161_255_500_000,
    observedTime: 1_723_161_255_400_000,
    slot: null,
    egress: null,
    connection: 'c1',
    nextCounter: () => ++counter,
    keyOf: keyOfSymbol,
    ...given
  }
}
