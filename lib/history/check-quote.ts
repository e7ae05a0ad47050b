import { parseKey } from '../instruments/instrument-key.ts'
import { isDecimal } from '../quote/decimal.ts'
import { carries, FIELD_GROUPS, GROUP_NAMES, type Quote, STATUSES } from '../quote/quote.ts'
import { StoreError } from '../store/store-error.ts'
import { storedId } from './stored-id.ts'

/** The longest id without its key, in ASCII characters. */
export const MAX_ID_LENGTH = 255
/** The longest sequence and name of a sequence, provider or channel, in ASCII characters. */
export const MAX_NAME_LENGTH = 64
/** The longest label of an egress. */
export const MAX_EGRESS_LENGTH = 255

const ASCII = /^[\x21-\x7e]+$/
const WINDOWS: readonly unknown[] = ['rolling24h', 'session']

const KEY = 'venue:type:symbol'
const NAME = `1 to ${MAX_NAME_LENGTH} ASCII characters`
const ID = `key| and 1 to ${MAX_ID_LENGTH} ASCII characters`
const LABEL = `at most ${MAX_EGRESS_LENGTH} characters`
const TIME = 'microseconds'

/**
 * Makes sure that the history can keep a quote exactly and give it back equal; the names of its series are for {@link checkSeries}.
 * @returns the id as the history keeps it.
 * @throws StoreError `out_of_domain` with the field, what was expected and what came.
 */
export function checkQuote(quote: Quote): string {
  const { key, id, status, seq, seqKind, exchangeTime, src } = quote
  const check = (holds: boolean, field: string, expected: string, got: unknown) => {
    if (!holds) throw refusal(quote, field, expected, got)
  }
  check(typeof key === 'string', 'key', KEY, key)
  check(typeof id === 'string', 'id', ID, id)
  const stored = storedId(key, id)
  // Of the ids that are stored behind a `|`, one would be read back as another: that of an empty channel.
  const ambiguous = stored.startsWith('|') && id.startsWith(`${key}||`)
  check(isText(stored, MAX_ID_LENGTH) && !ambiguous, 'id', ID, id)
  check(STATUSES.includes(status), 'status', 'a known status', status)
  check((seq === null) === (seqKind === null), 'seqKind', 'null exactly when seq is', seqKind)
  check(seq === null || isText(seq, MAX_NAME_LENGTH), 'seq', NAME, seq)
  check(seqKind === null || isText(seqKind, MAX_NAME_LENGTH), 'seqKind', NAME, seqKind)
  check(src.egress === null || isLabel(src.egress), 'src.egress', LABEL, src.egress)
  check(src.slot === null || isTime(src.slot), 'src.slot', TIME, src.slot)
  check(exchangeTime === null || isTime(exchangeTime), 'exchangeTime', TIME, exchangeTime)
  check(isTime(quote.receivedTime), 'receivedTime', TIME, quote.receivedTime)
  check(isTime(quote.observedTime), 'observedTime', TIME, quote.observedTime)
  check(isTime(quote.publishedTime), 'publishedTime', TIME, quote.publishedTime)
  for (const group of GROUP_NAMES) {
    const carried = carries(quote, group)
    for (const field of FIELD_GROUPS[group]) {
      const value = quote[field]
      check((value !== undefined) === carried, field, 'present like the others of its group', value)
      if (value === undefined || value === null) continue
      if (field === 'window') check(WINDOWS.includes(value), field, 'a known window', value)
      else check(isDecimal(value), field, 'a canonical decimal of at most 20.18 digits', value)
    }
  }
  return stored
}

/**
 * Makes sure that the names of a quote's series can be kept: its key, provider and channel.
 * @throws StoreError `out_of_domain` as {@link checkQuote} does.
 */
export function checkSeries(quote: Quote): void {
  const { key, src } = quote
  const check = (holds: boolean, field: string, expected: string, got: unknown) => {
    if (!holds) throw refusal(quote, field, expected, got)
  }
  check(parseKey(key) !== undefined && key.isWellFormed(), 'key', KEY, key)
  check(src.kind === 'rest' || src.kind === 'ws', 'src.kind', 'rest or ws', src.kind)
  check(isText(src.provider, MAX_NAME_LENGTH), 'src.provider', NAME, src.provider)
  check(isText(src.channel, MAX_NAME_LENGTH), 'src.channel', NAME, src.channel)
}

function refusal({ id }: Quote, field: string, expected: string, got: unknown): StoreError {
  const shown = JSON.stringify(got)?.slice(0, 80) ?? 'nothing'
  return new StoreError(
    'out_of_domain',
    `quote ${String(id).slice(0, 120)}: expected ${field} as ${expected}, got ${shown}`
  )
}

function isText(text: unknown, maxLength: number): boolean {
  return typeof text === 'string' && text.length <= maxLength && ASCII.test(text)
}

function isLabel(text: unknown): boolean {
  return typeof text === 'string' && text.length <= MAX_EGRESS_LENGTH && text.isWellFormed()
}

function isTime(time: unknown): boolean {
  return Number.isSafeInteger(time) && Number(time) >= 0
}
