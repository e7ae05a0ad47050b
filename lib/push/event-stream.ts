import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { badParameter, HttpProblem } from './http-problem.ts'
import { MessageError } from './message-error.ts'
import { parseMessage } from './parse-message.ts'
import type { ClientMessage } from './protocol.ts'
import type { Parameters } from './quote-query.ts'
import { ReplayEventIds, replaySinceOf } from './replay-event-id.ts'
import { payloadOf } from './websocket-frame.ts'

/** What `ws` calls these states. */
const OPEN = 1
const CLOSING = 2

/** How a frame begins; its type, and the position up to which it is complete where it tells one. */
const HEAD_BYTES = 160
const TYPE = /^\{"type":"(\w+)"/
const POSITION = /^\{"type":"(?:quotes|snapshot|hb)".*?"q":(\d+)/
const EPOCH = /^\{"type":"snapshot".*?"epoch":"([^"]*)"/
const UNFINISHED = /"final":false/

/** An `EventSource` that knows nothing of `bye` waits for so long before it connects again. */
const RETRY_MS = 1_000

/**
 * The other end of a session whose client reads server-sent events: what would be a WebSocket's frame becomes an event of the same
 * payload, and its position the event's id, from which a client goes on by itself (`Last-Event-ID`). It has no pings: there is nothing
 * that a reader could answer, so TCP alone tells whether it is there, and how far behind it is stays unknown.
 */
export class EventStream extends EventEmitter {
  readonly OPEN = OPEN
  readyState = OPEN
  readonly #response: ServerResponse
  readonly #replay = new ReplayEventIds()
  #epoch: string

  /** @param epoch what positions count in until a snapshot says otherwise */
  constructor(response: ServerResponse, epoch: string) {
    super()
    this.#epoch = epoch
    this.#response = response
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies that collect answers would hold events back.
      'x-accel-buffering': 'no'
    })
    response.write(`retry: ${RETRY_MS}\n\n`)
    response.on('drain', () => this.emit('drain'))
    response.once('close', () => {
      this.readyState = CLOSING
      this.emit('close')
    })
  }

  get writableLength(): number {
    return this.#response.writableLength
  }

  /** Takes a frame as it would go to a WebSocket. */
  write(frame: Buffer): boolean {
    const payload = payloadOf(frame)
    const head = payload.toString('latin1', 0, HEAD_BYTES)
    this.#epoch = EPOCH.exec(head)?.[1] ?? this.#epoch
    const position = UNFINISHED.test(head) ? undefined : POSITION.exec(head)?.[1]
    const type = TYPE.exec(head)?.[1]
    const place = this.#replay.of(type, payload) ?? (position === undefined ? undefined : `${this.#epoch}:${position}`)
    const id = place === undefined || place === '' ? '' : `id: ${place}\n`
    this.#response.cork()
    this.#response.write(`event: ${type}\n${id}data: `)
    this.#response.write(payload)
    const hasRoom = this.#response.write('\n\n')
    this.#response.uncork()
    if (type === 'bye') this.#response.write(`retry: ${JSON.parse(payload.toString()).reconnectAfterMs}\n\n`)
    // Nothing can be asked a second time.
    if (type === 'error' || type === 'played') this.close()
    return hasRoom
  }

  close(): void {
    this.readyState = CLOSING
    this.#response.end()
  }

  terminate(): void {
    this.#response.destroy()
  }
}

/** Whether a request asks for events. */
export function wantsEvents({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.accept?.includes('text/event-stream') === true
}

/**
 * The `subscribe` message that a request for events stands for: `keys` and `patterns` separated by commas, `fields`, `intervalMs`, `mode`,
 * `rows`, and `Last-Event-ID` to go on from; `since`, `until` and `speed` to play history. What the values mean is checked as for a message.
 * @throws HttpProblem 400
 */
export function subscriptionOf(parameters: Parameters, lastEventId: string | undefined): ClientMessage {
  const list = (name: string) => (parameters[name] === undefined ? undefined : text(parameters, name).split(','))
  const interval = parameters.intervalMs === undefined ? undefined : Number(text(parameters, 'intervalMs'))
  const sub = {
    keys: list('keys'),
    patterns: list('patterns'),
    fields: list('fields'),
    intervalMs: interval,
    mode: parameters.mode,
    rows: rowsOf(parameters.rows),
    since: replaySinceOf(parameters, lastEventId) ?? (lastEventId ? sinceOf(lastEventId) : undefined)
  }
  try {
    return parseMessage({ type: 'subscribe', subs: [sub] }) as ClientMessage
  } catch (error) {
    if (!(error instanceof MessageError)) throw error
    throw new HttpProblem(400, error.message.replace(/^subs\[0\]\./, ''), { cause: error })
  }
}

function text(parameters: Parameters, name: string): string {
  const value = parameters[name]
  if (typeof value !== 'string') throw badParameter(name, 'one text', value)
  return value
}

function rowsOf(value: unknown): boolean | undefined {
  if (value === undefined) return undefined
  if (value === '1' || value === 'true') return true
  if (value === '0' || value === 'false') return false
  throw badParameter('rows', '1 or 0', value)
}

function sinceOf(lastEventId: string): { epoch: string; q: number } {
  const [, epoch, q] = /^(.*):(\d{1,16})$/.exec(lastEventId) ?? []
  if (epoch === undefined) throw badParameter('Last-Event-ID', 'epoch:position', lastEventId.slice(0, 128))
  return { epoch, q: Number(q) }
}
