/** A refusal in the venue's form. */
export class RestRefusal extends Error {
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.name = 'RestRefusal'
    this.code = code
  }
}

/** What a ticker request asks for: one symbol, a list, or the whole market. */
export type Wanted = { kind: 'one'; symbol: string } | { kind: 'list'; symbols: string[] } | { kind: 'all' }

const SYMBOL = /^[\p{L}\p{N}\-_.]{1,20}$/u
const SYMBOL_RANGE = '^[\\w\\-._&&[^a-z]]{1,50}$'

/** Reads `symbol` and `symbols`. @throws RestRefusal as the venue refuses */
export function readWanted(query: URLSearchParams): Wanted {
  const symbol = query.get('symbol')
  const symbols = query.get('symbols')
  if (symbol !== null && symbols !== null) throw new RestRefusal(-1128, 'Combination of optional parameters invalid.')
  if (symbol !== null) return { kind: 'one', symbol: readSymbol(symbol, 'symbol') }
  return symbols === null ? { kind: 'all' } : { kind: 'list', symbols: readSymbols(symbols) }
}

/** Reads the `type` of a 24 hour ticker. @throws RestRefusal */
export function readType(query: URLSearchParams): 'FULL' | 'MINI' {
  const type = query.get('type') ?? 'FULL'
  if (type !== 'FULL' && type !== 'MINI') throw new RestRefusal(-1130, "Data sent for parameter 'type' is not valid.")
  return type
}

/** @throws RestRefusal when a parameter was sent that the endpoint does not read */
export function refuseOthers(query: URLSearchParams, known: readonly string[]): void {
  const sent = [...query.keys()]
  const read = sent.filter(name => known.includes(name)).length
  if (read < sent.length) {
    const message = `Not all sent parameters were read; read '${read}' parameter(s) but was sent '${sent.length}'.`
    throw new RestRefusal(-1104, message)
  }
}

function readSymbols(text: string): string[] {
  let list: unknown
  try {
    list = JSON.parse(text)
  } catch {
    throw illegal('symbols')
  }
  if (!Array.isArray(list)) throw illegal('symbols')
  const symbols = list.map(entry => readSymbol(entry, 'symbols'))
  if (symbols.length === 0) throw new RestRefusal(-1105, "Parameter 'symbols' was empty.")
  const twice = symbols.find((symbol, index) => symbols.indexOf(symbol) !== index)
  if (twice !== undefined) throw new RestRefusal(-1151, 'Symbol is present multiple times in the list.')
  return symbols
}

/** Lower case is illegal, as at the venue. */
function readSymbol(value: unknown, parameter: string): string {
  if (value === '') throw new RestRefusal(-1105, `Parameter '${parameter}' was empty.`)
  if (typeof value !== 'string' || !SYMBOL.test(value) || /[a-z]/.test(value)) throw illegal(parameter)
  return value
}

function illegal(parameter: string): RestRefusal {
  return new RestRefusal(
    -1100,
    `Illegal characters found in parameter '${parameter}'; legal range is '${SYMBOL_RANGE}'.`
  )
}
