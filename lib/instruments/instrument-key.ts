/** What an instrument is; the middle part of its key. */
export const INSTRUMENT_TYPES = ['spot', 'perp', 'future', 'option', 'stock', 'index', 'fund', 'fx', 'metal'] as const
export type InstrumentType = (typeof INSTRUMENT_TYPES)[number]

/**
 * `venue:type:symbol`, e.g. `binance:spot:BTC-USDT`, `xshg:stock:600519`. A bare code is ambiguous (`000001` is an index and
 * a stock), so nothing is ever named by less. The symbol may hold any character but a colon, blanks and control characters.
 */
export interface InstrumentKey {
  venue: string
  type: InstrumentType
  symbol: string
}

const KEY = /^([a-z0-9-]{1,32}):([a-z]{1,16}):([^\s:\p{Cc}|*]{1,64})$/u

/** The parts of a key, or undefined when the text is not one. */
export function parseKey(text: string): InstrumentKey | undefined {
  const match = KEY.exec(text)
  if (match === null) return undefined
  const [, venue = '', type = '', symbol = ''] = match
  return isInstrumentType(type) ? { venue, type, symbol } : undefined
}

/** The text of a key. */
export function formatKey({ venue, type, symbol }: InstrumentKey): string {
  return `${venue}:${type}:${symbol}`
}

function isInstrumentType(text: string): text is InstrumentType {
  return (INSTRUMENT_TYPES as readonly string[]).includes(text)
}
