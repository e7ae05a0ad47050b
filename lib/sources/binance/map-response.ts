import type { Mapping, Observation, RestCall, RestResponse } from '../source.ts'
import { errorOf, mapRestError } from './errors.ts'
import { parseExactJson } from './exact-json.ts'
import { isPayload } from './fields.ts'
import { mapInstruments } from './instruments.ts'
import { mapEntries } from './make-quote.ts'
import { INSTRUMENTS } from './plan.ts'
import { REST_READERS } from './rest-channels.ts'
import { symbolOf } from './symbols.ts'
import { unreadable } from './unreadable.ts'

/**
 * Reads a response: quotes of the keys that the call asked for, and a refusal for each of them that the answer lacks. An answer
 * about the whole market (a call without symbols) also holds pairs that were not asked for; they are no part of the result.
 */
export function mapResponse(call: RestCall, response: RestResponse, seen: Observation): Mapping {
  if (response.status < 200 || response.status > 299) return mapRestError(call, response, seen)
  let body: unknown
  try {
    body = parseExactJson(response.body)
  } catch {
    return unreadable('not JSON', response.body)
  }
  if (errorOf(body, seen) !== undefined) return mapRestError(call, response, seen)
  if (call.channel === INSTRUMENTS) return mapInstruments(body, response.body)
  const reader = REST_READERS.get(call.channel)
  if (reader === undefined) return { kind: 'error', code: 'unsupported_channel', message: call.channel }
  if (!Array.isArray(body) && !isPayload(body)) return unreadable('neither object nor array', response.body)

  const asked = new Map(call.keys.map(key => [symbolOf(key), key]))
  const wholeMarket = !call.path.includes('?')
  const entries: readonly unknown[] = Array.isArray(body) ? body : [body]
  const mapping = mapEntries(reader, wholeMarket ? entries.filter(entry => isAsked(entry, asked)) : entries, seen)
  for (const symbol of absent(asked, entries)) {
    mapping.refused.push({ code: 'unknown_symbol', symbol, detail: 'asked for, not in the answer' })
  }
  return mapping
}

function isAsked(entry: unknown, asked: ReadonlyMap<string, string>): boolean {
  return !isPayload(entry) || typeof entry.symbol !== 'string' || asked.has(entry.symbol)
}

function absent(asked: ReadonlyMap<string, string>, entries: readonly unknown[]): Set<string> {
  const symbols = new Set(asked.keys())
  for (const entry of entries) {
    if (isPayload(entry) && typeof entry.symbol === 'string') symbols.delete(entry.symbol)
  }
  return symbols
}
