import { type Context, Errors, type ServiceSchema, type ServiceSettingSchema } from 'moleculer'
import { announce } from '../lib/buffer/events.ts'
import { LagWatch } from '../lib/buffer/lag-watch.ts'
import { PRESSURE_DEFAULTS, type PressureLimits } from '../lib/buffer/pressure.ts'
import { readPage, type StoredPage } from '../lib/buffer/read-page.ts'
import { type ReplayReport, Replays } from '../lib/buffer/replays.ts'
import type { DeadLetter, DeadLetterPage } from '../lib/transport/dead-letter.ts'
import { type RetryResult, retryDeadLetters } from '../lib/transport/dead-letter-retry.ts'
import { DRAINING } from '../lib/transport/delivery.ts'
import {
  type GroupState,
  type StreamControl,
  type StreamState,
  streamControlOf
} from '../lib/transport/stream-control.ts'
import type { TransportCounters } from '../lib/transport/transport-counters.ts'

export interface BufferDeps {
  /** The pause between two looks at the lag. */
  intervalMs: number
  limits: PressureLimits
}

/** How far a group is behind in one stream. */
export interface GroupLag extends GroupState {
  stream: string
}

export interface BufferStats {
  looks: number
  /** Looks that failed, mostly for a server that was away. One stream that cannot be read is in `transport.failedLooks`. */
  failedLooks: number
  /** Announced levels of groups. */
  announced: number
  /** Acknowledged events removed because their stream was nearly full. */
  purged: number
  /** What the transporter of this node did. */
  transport: TransportCounters
}

interface Vars {
  timer: NodeJS.Timeout | undefined
}

interface GroupParams {
  stream: string
  group: string
}

/** A part of a stream: behind `after`, or from a time on; up to a sequence, with it. */
interface RangeParams {
  stream: string
  after?: number
  /** Microseconds. */
  from?: number
  upTo?: number
}

const name = 'string|empty:false'
const sequence = 'number|integer|min:0|convert|optional'
const range = { stream: name, after: sequence, from: sequence, upTo: sequence }
const numbers = { type: 'array', items: 'number|integer|convert', min: 1, max: 100, convert: true } as const

/** Owns the streams: makes sure that they exist with a consumer for every group of the table, watches lag and room, and is the hand of who repairs them. */
export function bufferService({ intervalMs, limits }: BufferDeps) {
  const counters = { looks: 0, failedLooks: 0, announced: 0, purged: 0 }
  const watch = new LagWatch(limits)
  const replays = new Replays()
  let closed = false
  let failing = false
  return {
    name: 'buffer',
    // The streams are there: a node is not connected before.
    async started() {
      closed = false
    },
    events: {
      '$broker.started'() {
        const look = async () => {
          const control = streamControlOf(this.broker)
          try {
            try {
              counters.purged += await control.makeRoom()
            } finally {
              // Who is behind is told also when no room can be made.
              for (const pressure of watch.look(await control.streams())) {
                await announce(this.broker, 'buffer.pressure', pressure)
                counters.announced++
              }
            }
            counters.looks++
            failing = false
          } catch (error) {
            if (closed) return
            counters.failedLooks++
            if (!failing) this.logger.warn('Looking at the streams failed; it is tried again.', error)
            failing = true
          } finally {
            if (!closed) this.timer = setTimeout(look, intervalMs)
          }
        }
        this.timer = setTimeout(look, intervalMs)
      },
      [DRAINING]: () => replays.close()
    },
    actions: {
      streams: ({ broker }: Context): Promise<StreamState[]> => streamControlOf(broker).streams(),
      async lag({ broker }: Context): Promise<GroupLag[]> {
        const streams = await streamControlOf(broker).streams()
        return streams.flatMap(({ name, groups }) => groups.map(group => ({ stream: name, ...group })))
      },
      /** From now on nothing is handed to the group's handlers, on any node. What comes is kept for it. */
      pause: {
        params: { stream: name, group: name },
        handler: ({ broker, params }: Context<GroupParams>): Promise<true> =>
          setPaused(streamControlOf(broker), params, true)
      },
      resume: {
        params: { stream: name, group: name },
        handler: ({ broker, params }: Context<GroupParams>): Promise<true> =>
          setPaused(streamControlOf(broker), params, false)
      },
      /** Stored events in pages: go on with `after: next` until it is null. */
      read: {
        params: { ...range, limit: 'number|integer|min:1|max:1000|convert|optional' },
        async handler({ broker, params }: Context<RangeParams & { limit?: number }>): Promise<StoredPage> {
          const control = streamControlOf(broker)
          const { stream, after, upTo } = await readRange(control, params)
          return readPage(control, { stream: stream.name, epoch: stream.epoch, after, upTo }, params.limit)
        }
      },
      /** Hands a part of a stream to one group again, in the background. @returns its number for `replays` and `stopReplay`. */
      replay: {
        params: { ...range, group: name },
        async handler({ broker, params }: Context<RangeParams & { group: string }>): Promise<number> {
          const control = streamControlOf(broker)
          const { stream, after, upTo } = await readRange(control, params)
          checkGroup(stream, params.group)
          const options = { control, stream: stream.name, group: params.group, epoch: stream.epoch, after, upTo }
          return (
            replays.start(options) ??
            refuse(429, 'TOO_MANY_REPLAYS', 'expected fewer replays at once: stop one or wait')
          )
        }
      },
      replays: (): ReplayReport[] => replays.reports(),
      stopReplay: {
        params: { id: 'number|integer|convert' },
        handler: ({ params: { id } }: Context<{ id: number }>): true =>
          replays.stop(id) || refuse(404, 'UNKNOWN_REPLAY', `there is no replay ${id}`)
      },
      /** Removes everything up to a sequence, acknowledged or not. Without `confirm` it says what it would do. */
      purge: {
        params: { stream: name, upTo: sequence, confirm: 'string|optional' },
        async handler({
          broker,
          params
        }: Context<{ stream: string; upTo?: number; confirm?: string }>): Promise<number> {
          const control = streamControlOf(broker)
          const stream = await findStream(control, params.stream)
          const { name, firstSequence, lastSequence, groups } = stream
          const upTo = Math.min(params.upTo ?? lastSequence, lastSequence)
          if (params.confirm === name) return control.purge(name, upTo)
          const behind = groups.filter(({ ackFloor }) => ackFloor < upTo).map(({ group }) => group)
          const events = Math.max(0, upTo - firstSequence + 1)
          const text = `this removes ${events} events of stream ${name}, which ${behind.join(', ') || 'no group'} did not acknowledge all: send confirm: ${name}`
          return refuse(409, 'NOT_CONFIRMED', text, { events, behind, upTo })
        }
      },
      deadLetters: {
        params: {
          after: 'number|integer|min:0|convert|optional',
          limit: 'number|integer|min:1|max:100|convert|optional'
        },
        handler({ broker, params }: Context<{ after?: number; limit?: number }>): Promise<DeadLetterPage> {
          return streamControlOf(broker).deadLetters.page(params.after ?? 0, params.limit ?? 20)
        }
      },
      /** One dead letter with what is in it. */
      deadLetter: {
        params: { number: 'number|integer|convert' },
        async handler({
          broker,
          params: { number }
        }: Context<{ number: number }>): Promise<DeadLetter & { payload: unknown }> {
          const control = streamControlOf(broker)
          const found = await control.deadLetters.read(number)
          if (found === undefined) return refuse(404, 'UNKNOWN_LETTER', `there is no dead letter ${number}`)
          const { letter, data } = found
          // What is unreadable is shown as it is.
          return {
            ...letter,
            payload: letter.reason === 'unreadable' ? data.toString('latin1') : control.decode(data).payload
          }
        }
      },
      /** Hands dead letters to the groups that gave them up; those that are handled are removed. Those `left` are to be asked for again. */
      retryDeadLetters: {
        params: { numbers },
        handler: ({ broker, params }: Context<{ numbers: number[] }>): Promise<RetryResult> =>
          retryDeadLetters(streamControlOf(broker), params.numbers)
      },
      /** @returns how many were there. */
      removeDeadLetters: {
        params: { numbers },
        async handler({ broker, params }: Context<{ numbers: number[] }>): Promise<number> {
          const { deadLetters } = streamControlOf(broker)
          let removed = 0
          for (const number of params.numbers) if (await deadLetters.remove(number)) removed++
          return removed
        }
      },
      stats({ broker }: Context): BufferStats {
        return { ...counters, transport: streamControlOf(broker).counters() }
      }
    },
    async stopped() {
      closed = true
      clearTimeout(this.timer)
      await replays.close()
    }
  } satisfies ServiceSchema<ServiceSettingSchema, object, Vars>
}

async function setPaused(control: StreamControl, { stream, group }: GroupParams, paused: boolean): Promise<true> {
  checkGroup(await findStream(control, stream), group)
  await control.setPaused(stream, group, paused)
  return true
}

async function readRange(control: StreamControl, { stream: name, after, from, upTo }: RangeParams) {
  const stream = await findStream(control, name)
  const begin = from === undefined ? (after ?? stream.firstSequence - 1) : await control.sequenceBefore(name, from)
  return { stream, after: begin, upTo: Math.min(upTo ?? stream.lastSequence, stream.lastSequence) }
}

async function findStream(control: StreamControl, name: string): Promise<StreamState> {
  const streams = await control.streams()
  const names = streams.map(stream => stream.name).join(', ')
  return (
    streams.find(stream => stream.name === name) ??
    refuse(404, 'UNKNOWN_STREAM', `expected one of the streams that can be read now (${names}), got ${name}`)
  )
}

function checkGroup({ name, groups }: StreamState, group: string): void {
  if (groups.some(known => known.group === group)) return
  const names = groups.map(known => known.group).join(', ')
  refuse(404, 'UNKNOWN_GROUP', `expected a group of stream ${name}, one of ${names}, got ${group}`)
}

function refuse(code: number, type: string, message: string, data?: object): never {
  throw new Errors.MoleculerClientError(message, code, type, data)
}

export default bufferService({ intervalMs: 1_000, limits: PRESSURE_DEFAULTS })
