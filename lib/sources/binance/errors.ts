import { JsonNumber } from '../../quote/lossless-json.ts'
import type { Mapping, Observation, RestCall, RestResponse, SourceErrorCode } from '../source.ts'
import { parseExactJson } from './exact-json.ts'
import { isPayload, type Payload } from './fields.ts'
import { symbolOf } from './symbols.ts'

type ErrorMapping = Extract<Mapping, { kind: 'error' }>

const CODES: ReadonlyMap<number, SourceErrorCode> = new Map([
  [-1000, 'unavailable'],
  [-1001, 'unavailable'],
  [-1003, 'throttled'],
  [-1006, 'unavailable'],
  [-1007, 'unavailable'],
  [-1008, 'unavailable'],
  [-1015, 'throttled'],
  [-1016, 'unavailable'],
  [-1034, 'throttled'],
  [-1121, 'bad_symbol']
])

/** `IP banned until 1607654321000.`, epoch milliseconds. */
const BANNED_UNTIL = /\bbanned until (\d{13})\b/

const MESSAGE_CHARACTERS = 300

/** An error body `{code, msg}`, or undefined when the payload is not one. */
export function errorOf(body: unknown, seen: Observation): ErrorMapping | undefined {
  if (!isPayload(body) || typeof body.msg !== 'string') return undefined
  const number = body.code instanceof JsonNumber ? Number(body.code.text) : body.code
  if (typeof number !== 'number') return undefined
  const error: ErrorMapping = {
    kind: 'error',
    code: CODES.get(number) ?? 'bad_request',
    message: `${number} ${body.msg}`.slice(0, MESSAGE_CHARACTERS)
  }
  const until = BANNED_UNTIL.exec(body.msg)?.[1]
  if (until === undefined) return error
  const retryAfterMs = Math.max(0, Number(until) - Math.floor(seen.receivedTime / 1000))
  return { ...error, code: 'banned', retryAfterMs }
}

/** Reads a response whose status or body says that the request was not served. */
export function mapRestError(call: RestCall, response: RestResponse, seen: Observation): ErrorMapping {
  const said = errorOf(parsedOrNothing(response.body), seen)
  const retryAfterMs = retryAfter(response) ?? said?.retryAfterMs
  const code = codeOfStatus(response.status) ?? said?.code ?? 'bad_request'
  return {
    kind: 'error',
    code,
    message: said?.message ?? `HTTP ${response.status}: ${response.body.slice(0, MESSAGE_CHARACTERS)}`,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(code === 'bad_symbol' && call.keys.length === 1 ? { symbol: symbolOf(call.keys[0]!) } : {})
  }
}

/** 403 is the firewall, 451 a refused region: both hold for the address, like the 418 of a ban. */
function codeOfStatus(status: number): SourceErrorCode | undefined {
  if (status === 429) return 'throttled'
  if (status === 418 || status === 403 || status === 451) return 'banned'
  return status >= 500 ? 'unavailable' : undefined
}

/** The venue gives seconds. */
function retryAfter({ headers }: RestResponse): number | undefined {
  const value = headers['retry-after']
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) * 1000 : undefined
}

function parsedOrNothing(body: string): Payload | undefined {
  try {
    const parsed = parseExactJson(body)
    return isPayload(parsed) ? parsed : undefined
  } catch {
    // An error page in HTML: the status says enough.
    return undefined
  }
}
