import { type Context, Errors, type ServiceSchema } from 'moleculer'
import { on, publish } from '../lib/buffer/events.ts'
import type { Markets } from '../lib/config/markets.ts'
import { slotMessageId } from '../lib/quote/events.ts'
import type { Micros } from '../lib/quote/quote.ts'
import { systemClock } from '../lib/schedule/clock.ts'
import { jobsOf } from '../lib/schedule/job.ts'
import { type JobReport, Scheduler, type SchedulerStats } from '../lib/schedule/scheduler.ts'
import { channelsOf } from '../lib/sources/registry.ts'
import { DRAINING } from '../lib/transport/delivery.ts'
import { markets } from '../moleculer.config.ts'

export interface SchedulerDeps {
  markets: () => Markets
  /** The REST channels that a kind of source offers. */
  restChannelsOf: (kind: string) => readonly string[]
}

const byName = { job: 'string|empty:false' } as const

/**
 * Says what is due, and accounts for how each slot ended. Two of these are harmless: slots follow from the
 * configuration alone, and a tick's message id is `job@slot`, so that the stream drops the second one. Both hear how
 * every slot ended.
 */
export function schedulerService({ markets, restChannelsOf }: SchedulerDeps) {
  let scheduler: Scheduler | undefined
  const running = (): Scheduler => {
    if (scheduler === undefined) throw new Error('scheduler: not started')
    return scheduler
  }
  return {
    name: 'scheduler',
    actions: {
      /** The jobs with their accounts and last slots. */
      jobs: (): JobReport[] => running().jobs(),
      stats: (): SchedulerStats => running().stats(),
      /** No slot of the job is due until it is resumed. */
      pause: {
        params: byName,
        handler: ({ params: { job } }: Context<{ job: string }>): true => running().pause(job) || refuse(job)
      },
      resume: {
        params: byName,
        handler: ({ params: { job } }: Context<{ job: string }>): true => running().resume(job) || refuse(job)
      },
      /** Fetches a job now, outside its slots. Gives the slot's time. */
      run: {
        params: byName,
        handler: ({ params: { job } }: Context<{ job: string }>): Micros => running().run(job) ?? refuse(job)
      }
    },
    events: {
      '$broker.started': () => running().start(),
      [DRAINING]: () => scheduler?.stop(),
      ...on('fetch.done', ctx => running().done(ctx.params)),
      ...on('fetch.wanted', ctx => {
        running().want(ctx.params.key)
      }),
      ...on('buffer.pressure', ctx => running().press(ctx.params))
    },
    started() {
      const { broker } = this
      scheduler = new Scheduler({
        clock: systemClock,
        jobs: jobsOf(markets(), restChannelsOf),
        send: due => publish(broker, 'fetch.due', due, slotMessageId(due))
      })
    },
    stopped() {
      scheduler?.stop()
    }
  } satisfies ServiceSchema
}

function refuse(job: string): never {
  throw new Errors.MoleculerClientError(`there is no job ${job}`, 404, 'UNKNOWN_JOB', { job })
}

export default schedulerService({ markets: () => markets, restChannelsOf: kind => channelsOf(kind)?.rest ?? [] })
