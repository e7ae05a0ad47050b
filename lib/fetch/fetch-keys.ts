import { EgressError, type EgressErrorCode } from '../egress/egress-error.ts'
import type { EgressPool } from '../egress/egress-pool.ts'
import type { EgressResponse } from '../egress/egress-request.ts'
import type { Micros } from '../quote/quote.ts'
import { type Mapping, type Observation, type RestCall, type RestSource, SourceError } from '../sources/source.ts'
import type { FetchSource } from './fetch-source.ts'
import type { Harvest } from './harvest.ts'

/** What one fetch asks, and the circumstances that its quotes carry. */
export interface FetchTask {
  source: FetchSource
  rest: RestSource
  pool: Pick<EgressPool, 'request' | 'cool'>
  channel: string
  slot: Micros
  /** Ends the fetch, whatever it is doing; its reason is an EgressError. */
  signal: AbortSignal
  /** Milliseconds that are left. */
  remainingMs: () => number
  now: () => Micros
  connection: string
  nextCounter: () => number
  harvest: Harvest
}

/** After these it is uncertain whether the source is still where it was. */
const DOUBTFUL: ReadonlySet<EgressErrorCode> = new Set([
  'dns',
  'refused',
  'connect_timeout',
  'tunnel_failed',
  'tunnel_cut',
  'tls',
  'tls_timeout',
  'certificate',
  'first_byte_timeout',
  'reset',
  'bad_response'
])

/** A venue that throttles without saying for how long is left alone for this long. */
const THROTTLED_MS = 10_000

/**
 * Fetches a channel for these keys in as few calls as the source allows. Whatever happens is an entry of the harvest.
 */
export async function fetchKeys(task: FetchTask, keys: readonly string[]): Promise<void> {
  const calls = planCalls(task, keys)
  await Promise.all(calls.map(call => runCall(task, call)))
}

/** The calls for these keys; keys that the source cannot ask for are quarantined. */
function planCalls({ rest, source, channel, harvest, now }: FetchTask, keys: readonly string[]): RestCall[] {
  try {
    return rest.plan(channel, keys)
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    if (error.code !== 'unsupported_key') {
      harvest.fail(error.code, error.message)
      return []
    }
  }
  const possible = keys.filter(key => {
    try {
      source.source.symbolOf(key)
      return true
    } catch (error) {
      if (!(error instanceof SourceError)) throw error
      source.quarantine.add(key, error.message, now())
      harvest.refuse('bad_symbol')
      return false
    }
  })
  if (possible.length > 0 && possible.length < keys.length) return rest.plan(channel, possible)
  harvest.fail('unsupported_key', 'no key of the request can be asked for')
  return []
}

async function runCall(task: FetchTask, call: RestCall): Promise<void> {
  const { harvest } = task
  const response = await request(task, call)
  if (response === undefined) return
  harvest.attempts += response.attempts
  harvest.egress = response.egress
  await take(task, call, response, task.rest.mapResponse(call, response, observe(task, call, response)))
}

async function request(task: FetchTask, call: RestCall): Promise<EgressResponse | undefined> {
  const { source, rest, pool, signal, harvest } = task
  const remainingMs = task.remainingMs()
  try {
    const base = await orAborted(source.endpoint.get(), signal)
    return await pool.request({
      source: source.name,
      url: base + call.path,
      headers: rest.headers ?? {},
      limits: rest.limits,
      cost: call.cost,
      userAgents: source.userAgents,
      allowHttp: source.allowHttp,
      timeoutMs: remainingMs,
      firstByteMs: remainingMs / 2,
      signal
    })
  } catch (error) {
    if (!(error instanceof EgressError)) {
      harvest.fail('unavailable', `${source.name} was not found: ${(error as Error).message}`)
      return undefined
    }
    if (DOUBTFUL.has(error.code)) source.endpoint.doubt()
    harvest.egress = error.egress ?? harvest.egress
    harvest.attempts += error.attempts
    harvest.fail(error.code, error.message)
    return undefined
  }
}

function observe(
  { source, slot, connection, nextCounter }: FetchTask,
  call: RestCall,
  response: EgressResponse
): Observation {
  const keys = new Map(call.keys.map(key => [source.source.symbolOf(key), key]))
  return {
    provider: source.name,
    receivedTime: response.receivedTime,
    observedTime: response.requestSentTime,
    slot,
    egress: response.egress,
    connection,
    nextCounter,
    keyOf: symbol => keys.get(symbol)
  }
}

async function take(task: FetchTask, call: RestCall, response: EgressResponse, mapping: Mapping): Promise<void> {
  const { harvest, source, pool } = task
  switch (mapping.kind) {
    case 'quotes':
      for (const quote of mapping.quotes) harvest.quotes.push(quote)
      for (const { code } of mapping.refused) harvest.refuse(code)
      return
    case 'instruments':
      for (const instrument of mapping.instruments) harvest.instruments.push(instrument)
      for (const { code } of mapping.refused) harvest.refuse(code)
      return
    case 'error':
      if (mapping.code === 'bad_symbol' && call.keys.length > 0) return separate(task, call, mapping)
      if (mapping.code === 'throttled' || mapping.code === 'banned') {
        // A refusal by status is known to the pool already; one in the body of a 200 only to the source.
        const forMs = mapping.retryAfterMs ?? (response.status < 400 ? THROTTLED_MS : 0)
        pool.cool(source.name, response.egress, forMs)
      }
      harvest.fail(mapping.code, mapping.message)
      return
    case 'ignored':
      harvest.fail('unreadable', mapping.reason)
      return
    case 'unreadable':
      harvest.fail('unreadable', `${mapping.reason}: ${mapping.sample}`)
      return
    case 'shutdown':
      harvest.fail('unavailable', 'the venue is shutting down')
  }
}

/**
 * One bad symbol fails the whole call: it is quarantined where the venue named it, otherwise found by halves. The
 * others are asked for again within the same fetch.
 */
async function separate(
  task: FetchTask,
  { keys }: RestCall,
  { symbol, message }: Extract<Mapping, { kind: 'error' }>
): Promise<void> {
  const { source, harvest } = task
  const bad = keys.length === 1 ? keys[0] : keys.find(key => source.source.symbolOf(key) === symbol)
  if (bad !== undefined) {
    source.quarantine.add(bad, message, task.now())
    harvest.refuse('bad_symbol')
    const rest = keys.filter(key => key !== bad)
    if (rest.length > 0) await fetchKeys(task, rest)
    return
  }
  const middle = Math.ceil(keys.length / 2)
  await Promise.all([fetchKeys(task, keys.slice(0, middle)), fetchKeys(task, keys.slice(middle))])
}

/** A promise that an abort ends early for this caller; the work behind it goes on for others. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
