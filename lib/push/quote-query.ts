import { parseKey } from '../instruments/instrument-key.ts'
import type { Micros } from '../quote/quote.ts'
import { badParameter } from './http-problem.ts'
import { isRowField, ROW_FIELDS, type RowField } from './row-field.ts'

/** Parameters of a request, as a query string or a call gives them. */
export type Parameters = Readonly<Record<string, unknown>>

/** Rows of the board in one answer at most; its values are in memory. */
const MAX_LATEST = 10_000
const DEFAULT_LATEST = 1000
/** Stored quotes in one answer at most: it crosses the cluster as one message. */
const MAX_HISTORY = 1000
const DEFAULT_HISTORY = 100
const HOUR: Micros = 3_600_000_000

/** Which instruments' latest values are asked for. */
export interface LatestQuery {
  /** Null for all. */
  keys: string[] | null
  /** Null for the default fields. */
  fields: RowField[] | null
  limit: number
}

/** Which part of an instrument's history is asked for: `from` inclusive, `to` exclusive. */
export interface HistoryQuery {
  key: string
  from: Micros
  to: Micros
  limit: number
  order: 'asc' | 'desc'
}

/** @throws HttpProblem 400 that says what was expected and what came. */
export function parseLatestQuery(parameters: Parameters): LatestQuery {
  return {
    keys: readList(parameters, 'keys')?.map(text => checkKey('keys', text)) ?? null,
    fields: readFields(parameters),
    limit: readInteger(parameters, 'limit', DEFAULT_LATEST, 1, MAX_LATEST)
  }
}

/** @throws HttpProblem 400. */
export function parseKeyQuery(parameters: Parameters): { key: string; fields: RowField[] | null } {
  return { key: checkKey('key', parameters.key), fields: readFields(parameters) }
}

/** Without `to` the history ends now, without `from` it begins an hour before `to`. @throws HttpProblem 400. */
export function parseHistoryQuery(parameters: Parameters, now: Micros): HistoryQuery {
  const key = checkKey('key', parameters.key)
  const to = readInteger(parameters, 'to', now + 1, 0, Number.MAX_SAFE_INTEGER)
  const from = readInteger(parameters, 'from', Math.max(0, to - HOUR), 0, Number.MAX_SAFE_INTEGER)
  if (from > to) throw badParameter('from', `microseconds of at most to=${to}`, from)
  const { order = 'asc' } = parameters
  if (order !== 'asc' && order !== 'desc') throw badParameter('order', 'asc or desc', order)
  return { key, from, to, limit: readInteger(parameters, 'limit', DEFAULT_HISTORY, 1, MAX_HISTORY), order }
}

function checkKey(name: string, text: unknown): string {
  if (typeof text !== 'string' || parseKey(text) === undefined) throw badParameter(name, 'venue:type:symbol', text)
  return text
}

function readFields(parameters: Parameters): RowField[] | null {
  const names = readList(parameters, 'fields')
  return (
    names?.map(name => {
      if (!isRowField(name)) throw badParameter('fields', ROW_FIELDS.join(','), name)
      return name
    }) ?? null
  )
}

/** A list separated by commas, or undefined when the parameter is absent. */
function readList(parameters: Parameters, name: string): string[] | undefined {
  const value = parameters[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') throw badParameter(name, 'a list separated by commas', value)
  const list = value.split(',')
  if (list.length > MAX_LATEST) throw badParameter(name, `at most ${MAX_LATEST} entries`, list.length)
  return list
}

function readInteger(parameters: Parameters, name: string, fallback: number, min: number, max: number): number {
  const value = parameters[name]
  if (value === undefined) return fallback
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < min || number > max)
    throw badParameter(name, `an integer from ${min} to ${max}`, value)
  return number
}
