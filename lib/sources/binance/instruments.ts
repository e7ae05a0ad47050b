import type { Instrument } from '../../instruments/instrument-store.ts'
import type { Decimal } from '../../quote/decimal.ts'
import type { QuoteStatus } from '../../quote/quote.ts'
import type { Mapping, Refusal } from '../source.ts'
import { BadField, isPayload, type Payload, readPrice, readText } from './fields.ts'
import { keyOfPair } from './symbols.ts'
import { unreadable } from './unreadable.ts'

const STATUS: ReadonlyMap<unknown, QuoteStatus> = new Map([
  ['TRADING', 'trading'],
  ['HALT', 'halted'],
  ['BREAK', 'suspended'],
  ['PRE_TRADING', 'preopen'],
  ['AUCTION_MATCH', 'preopen'],
  ['POST_TRADING', 'closed'],
  ['END_OF_DAY', 'closed']
])

/** Reads the body of `exchangeInfo`. Spot has no contracts: a body with contract types is another market's. */
export function mapInstruments(body: unknown, text: string): Mapping {
  if (!isPayload(body) || !Array.isArray(body.symbols)) return unreadable('no list of symbols', text)
  const entries: readonly unknown[] = body.symbols
  if (entries.some(entry => isPayload(entry) && entry.contractType !== undefined)) {
    return { kind: 'ignored', reason: 'not spot: exchangeInfo' }
  }
  const instruments: Instrument[] = []
  const refused: Refusal[] = []
  for (const entry of entries) {
    try {
      if (!isPayload(entry)) throw new BadField('bad_value', 'not an object')
      instruments.push(readInstrument(entry))
    } catch (error) {
      if (!(error instanceof BadField)) throw error
      const symbol = isPayload(entry) && typeof entry.symbol === 'string' ? entry.symbol : null
      refused.push({ code: error.code, symbol, detail: error.message })
    }
  }
  return { kind: 'instruments', instruments, refused }
}

function readInstrument(entry: Payload): Instrument {
  const venueSymbol = readText(entry, 'symbol')
  const base = readText(entry, 'baseAsset')
  const currency = readText(entry, 'quoteAsset')
  const key = keyOfPair(base, currency)
  if (key === undefined) throw new BadField('bad_value', `no key for ${base} and ${currency}`)
  return {
    key,
    venueSymbol,
    name: null,
    base,
    currency,
    tickSize: readStep(entry, 'PRICE_FILTER', 'tickSize'),
    lotSize: readStep(entry, 'LOT_SIZE', 'stepSize'),
    multiplier: null,
    calendar: '24x7',
    status: STATUS.get(entry.status) ?? 'unknown'
  }
}

/** A step of a filter; a filter that is absent or switched off (zero) says nothing. */
function readStep(entry: Payload, filterType: string, field: string): Decimal | null {
  const filters: readonly unknown[] = Array.isArray(entry.filters) ? entry.filters : []
  const filter = filters.find(one => isPayload(one) && one.filterType === filterType)
  return isPayload(filter) ? readPrice(filter, field) : null
}
