import type { Context, ServiceSchema, ServiceSettingSchema } from 'moleculer'
import { announce } from '../lib/buffer/events.ts'
import { LagWatch } from '../lib/buffer/lag-watch.ts'
import { PRESSURE_DEFAULTS, type PressureLimits } from '../lib/buffer/pressure.ts'
import type { DeadLetterPage } from '../lib/transport/dead-letter.ts'
import { type GroupState, type StreamState, streamControlOf } from '../lib/transport/stream-control.ts'
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
  /** Looks that failed, mostly for a server that was away. */
  failedLooks: number
  /** Announced changes of a group's level. */
  announced: number
  /** Acknowledged events removed because their stream was nearly full. */
  purged: number
  /** What the transporter of this node did. */
  transport: TransportCounters
}

interface Vars {
  timer: NodeJS.Timeout | undefined
}

/** Owns the streams: makes sure that they exist with a consumer for every group of the table, watches lag and room, shows the dead letters. */
export function bufferService({ intervalMs, limits }: BufferDeps) {
  const counters = { looks: 0, failedLooks: 0, announced: 0, purged: 0 }
  const watch = new LagWatch(limits)
  let closed = false
  return {
    name: 'buffer',
    async started() {
      closed = false
      await streamControlOf(this.broker).ensureStreams()
    },
    events: {
      '$broker.started'() {
        const look = async () => {
          const control = streamControlOf(this.broker)
          try {
            counters.purged += await control.makeRoom()
            for (const change of watch.look(await control.streams())) {
              await announce(this.broker, 'buffer.pressure', change)
              counters.announced++
            }
            counters.looks++
          } catch (error) {
            if (closed) return
            counters.failedLooks++
            this.logger.debug('Looking at the lag failed.', error)
          } finally {
            if (!closed) this.timer = setTimeout(look, intervalMs)
          }
        }
        this.timer = setTimeout(look, intervalMs)
      }
    },
    actions: {
      streams(): Promise<StreamState[]> {
        return streamControlOf(this.broker).streams()
      },
      async lag(): Promise<GroupLag[]> {
        const streams = await streamControlOf(this.broker).streams()
        return streams.flatMap(({ name, groups }) => groups.map(group => ({ stream: name, ...group })))
      },
      deadLetters: {
        params: { after: 'number|integer|min:0|optional', limit: 'number|integer|min:1|max:100|optional' },
        handler(ctx: Context<{ after?: number; limit?: number }>): Promise<DeadLetterPage> {
          const { after = 0, limit = 20 } = ctx.params
          return streamControlOf(this.broker).deadLetters(after, limit)
        }
      },
      stats(): BufferStats {
        return { ...counters, transport: streamControlOf(this.broker).counters() }
      }
    },
    async stopped() {
      closed = true
      clearTimeout(this.timer)
    }
  } satisfies ServiceSchema<ServiceSettingSchema, object, Vars>
}

export default bufferService({ intervalMs: 1_000, limits: PRESSURE_DEFAULTS })
