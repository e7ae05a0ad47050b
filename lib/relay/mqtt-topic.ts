import { parseKey } from '../instruments/instrument-key.ts'
import { escapeCharacters } from './escape-characters.ts'
import { RelayError } from './relay-error.ts'

/** What a topic may not hold, what separates its levels, and the code points for which a broker may end the connection. */
const FORBIDDEN = /[%/+#\p{Noncharacter_Code_Point}]/gu

/**
 * The topic of an instrument: always four levels, `quotes/venue/type/symbol`, so that `quotes/xnas/stock/+` gets every symbol. In the symbol
 * `/` `+` `#` `%` and what Unicode calls no character are percent-encoded (`BTC/USD` is `BTC%2FUSD`).
 * @throws RelayError `bad_quote` for what is no key.
 */
export function mqttTopic(key: string): string {
  const parsed = parseKey(key)
  if (parsed === undefined) throw new RelayError('bad_quote', `expected venue:type:symbol, got ${key.slice(0, 80)}`)
  const { venue, type, symbol } = parsed
  return `quotes/${venue}/${type}/${escapeCharacters(symbol, FORBIDDEN)}`
}
