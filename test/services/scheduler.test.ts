import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { announce, on } from '../../lib/buffer/events.ts'
import type { Markets } from '../../lib/config/markets.ts'
import type { FetchDue } from '../../lib/quote/events.ts'
import type { JobReport, SchedulerStats } from '../../lib/schedule/scheduler.ts'
import { schedulerService } from '../../services/scheduler.service.ts'
import { makeBroker } from '../kit/make-broker.ts'
import { waitUntil } from '../kit/wait-until.ts'

const markets: Markets = {
  sources: [{ name: 'venue', source: 'venue', rest: null, stream: null, userAgents: [] }],
  watchlists: [
    {
      name: 'all',
      source: 'venue',
      instruments: ['venue:spot:A', 'venue:spot:B'],
      poll: [{ channel: 'price', intervalMs: 100 }],
      stream: []
    }
  ]
}

/** A scheduler whose ticks are collected and answered by a fetcher that does nothing. */
async function startScheduler(t: TestContext) {
  const broker = await makeBroker(t)
  const ticks: FetchDue[] = []
  broker.createService(schedulerService({ markets: () => markets, restChannelsOf: () => ['price', 'instruments'] }))
  broker.createService({
    name: 'fetcher',
    events: on(
      'fetch.due',
      async ctx => {
        const { job, slot } = ctx.params
        ticks.push(ctx.params)
        await announce(broker, 'fetch.done', {
          job,
          slot,
          outcome: 'done',
          reason: null,
          counts: { quotes: 2, refused: 0, attempts: 1 },
          timings: { begin: 0, end: 1 },
          egress: 'direct',
          node: broker.nodeID
        })
      },
      'fetcher'
    )
  })
  await broker.start()
  t.after(() => broker.stop())
  return { broker, ticks }
}

test('ticks reach a fetcher through the work queue, and their ends come back into the account', async t => {
  const { broker, ticks } = await startScheduler(t)
  await waitUntil(
    'five slots are done',
    async () => (await broker.call<SchedulerStats>('scheduler.stats')).slots.done >= 5
  )
  const { slots } = await broker.call<SchedulerStats>('scheduler.stats')
  assert.equal(slots.due, slots.done + slots.late + slots.failed + slots.skipped + slots.missed + slots.pending)
  assert.deepEqual([slots.failed, slots.missed], [0, 0])
  const price = ticks.find(({ job }) => job === 'venue/all/price')
  assert.deepEqual(price?.request, { channel: 'price', keys: ['venue:spot:A', 'venue:spot:B'] })
  assert.ok(
    ticks.some(({ job }) => job === 'venue/instruments'),
    'the catalogue is fetched at once'
  )
  assert.equal(new Set(ticks.map(({ job, slot }) => `${job}@${slot}`)).size, ticks.length)
})

test('jobs can be listed, paused, resumed and run; an unknown one is a client error', async t => {
  const { broker, ticks } = await startScheduler(t)
  const job = 'venue/instruments'
  assert.equal(await broker.call('scheduler.pause', { job }), true)
  const jobs = await broker.call<JobReport[]>('scheduler.jobs')
  assert.deepEqual(
    jobs.map(({ job, paused, instruments }) => [job, paused, instruments]),
    [
      ['venue/instruments', true, 0],
      ['venue/all/price', false, 2]
    ]
  )
  const slot = await broker.call<number, { job: string }>('scheduler.run', { job })
  await waitUntil('the run arrives', () => ticks.some(tick => tick.job === job && tick.slot === slot))
  assert.equal(await broker.call('scheduler.resume', { job }), true)
  for (const action of ['pause', 'resume', 'run']) {
    await assert.rejects(broker.call(`scheduler.${action}`, { job: 'none' }), { code: 404, type: 'UNKNOWN_JOB' })
  }
})

test('a wanted key is fetched out of turn, and pressure of the buffer is shown', async t => {
  const { broker, ticks } = await startScheduler(t)
  await announce(broker, 'fetch.wanted', { key: 'venue:spot:B', reason: 'gap' })
  await announce(broker, 'fetch.wanted', { key: 'venue:spot:NONE', reason: 'gap' })
  await announce(broker, 'buffer.pressure', { stream: 'quotes', group: 'storage', lag: 7, level: 'high' })
  await waitUntil('the key is fetched', () => ticks.some(({ request }) => request.keys.join() === 'venue:spot:B'))
  await waitUntil('its end and the rest are counted', async () => {
    const { wanted, pressure, highPressure } = await broker.call<SchedulerStats>('scheduler.stats')
    return (
      wanted.ended === 1 && wanted.unknown === 1 && pressure['quotes/storage']?.level === 'high' && highPressure === 1
    )
  })
})
