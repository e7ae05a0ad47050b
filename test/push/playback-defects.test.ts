import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryPlaybackHistory } from '../../lib/push/memory-playback-history.ts'
import { PlaybackReads } from '../../lib/push/playback-reads.ts'
import { zeroCounters } from '../../lib/push/push-counters.ts'
import type { Quote } from '../../lib/quote/quote.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { errorsOf, expectedRows, NEXT_DAY, openStage, playedOf, rowsOf, untilPlayed, valuesOf } from './play.ts'

const [A = ''] = keysOf(1)
const trade = (at: number) => makeQuote(A, OPENING + at, { last: String(at + 1), lastSize: '1' })

test('a page that could not be read ahead is read again when it is needed, however long before that was', async t => {
  const quotes = Array.from({ length: 600 }, (_, index) => trade(index * 1_000_000))
  let isAway = false
  class Away extends MemoryPlaybackHistory {
    override page(query: Parameters<MemoryPlaybackHistory['page']>[0]): ReturnType<MemoryPlaybackHistory['page']> {
      return isAway && query.after !== undefined ? Promise.reject(new Error('away')) : super.page(query)
    }
  }
  isAway = true
  const stage = await openStage(t, new Away(quotes))
  const client = await ProtocolClient.connect(t, stage.port)
  const since = { time: OPENING, until: OPENING + 600_000_000, speed: 1 }
  const sid = await client.subscribe({ keys: [A], mode: 'all', since })
  await waitUntil('reading ahead was given up', async () => {
    stage.clock.advance(500)
    return stage.hub.counters.playbackRetries > 10
  })
  stage.clock.advance(30_000)
  await waitUntil('it plays', () => rowsOf(client, sid).length > 50)
  assert.equal(playedOf(client, sid), undefined)
  isAway = false
  await client.request({ type: 'update', sid, speed: 'max' })
  assert.equal((await untilPlayed(client, sid)).code, undefined)
  assert.deepEqual(rowsOf(client, sid).map(valuesOf), expectedRows(quotes).rows)
  assert.equal(errorsOf(client), 0)
})

for (const [what, broken] of [
  ['applied', { src: null }],
  ['written', { lastSize: Symbol('no size') }]
] as const) {
  for (const mode of ['all', 'conflate'] as const) {
    test(`a quote that cannot be ${what} ends a playback in mode ${mode} with 500, and is told as a defect`, async t => {
      const errors: unknown[] = []
      const quotes = [trade(0), { ...trade(5_000), ...broken } as unknown as Quote, trade(10_000)]
      const stage = await openStage(t, quotes, { onError: error => errors.push(error) })
      const client = await ProtocolClient.connect(t, stage.port)
      const since = { time: OPENING, until: OPENING + 20_000, speed: 'max' }
      const sid = await client.subscribe({ keys: [A], mode, snapshot: false, since })
      const { code, name, time } = await untilPlayed(client, sid)
      assert.deepEqual([code, name], [500, 'internal'])
      assert.ok(Number(time) <= OPENING + 5_000)
      assert.equal(errors.length, 1)
      assert.ok(errors[0] instanceof TypeError)
      assert.deepEqual([stage.hub.playbacks, stage.hub.counters.playbacksFailed], [0, 1])
    })
  }
}

test('a read that waits for its turn is forgotten as soon as its playback ends', async () => {
  const history = new MemoryPlaybackHistory([])
  const clock = new ManualClock(0)
  const reads = new PlaybackReads({ history, clock, counters: zeroCounters(), maxReads: 1, retryMs: 1_000 })
  let answer = (_keys: string): void => {}
  const first = reads.read(() => new Promise<string>(resolve => (answer = resolve)), new AbortController().signal)
  const ending = new AbortController()
  let begun = 0
  const read = (signal: AbortSignal) => reads.read(async () => ++begun, signal)
  const ended = read(ending.signal)
  const next = read(new AbortController().signal)
  ending.abort(new Error('it has ended'))
  await assert.rejects(ended, /it has ended/)
  await assert.rejects(read(ending.signal), /it has ended/)
  assert.equal(begun, 0)
  answer('first')
  assert.deepEqual(await Promise.all([first, next]), ['first', 1])
})

test('a request for history that is refused leaves nothing behind, whenever the clock moves on', async t => {
  class Ticking extends ManualClock {
    passed = 0
    override nowMicros = (): number => NEXT_DAY + this.passed++
  }
  const clock = new Ticking(NEXT_DAY)
  const limits = { playbackSpanMs: 1_000 }
  const stage = await openStage(t, [trade(0)], { clock, limits, isKnown: () => true })
  const client = await ProtocolClient.connect(t, stage.port)
  const seen = new Set<unknown>()
  for (let offset = -3; offset < 7; offset++) {
    const time = NEXT_DAY - 1_000_000 + offset
    clock.passed = 0
    const subs = [{ keys: [A] }, { keys: [A], since: { time } }]
    const { type } = await client.request({ type: 'subscribe', subs })
    seen.add(type)
    const { subs: left } = await client.request({ type: 'list' })
    const sids = (left as { sid: string }[]).map(({ sid }) => sid)
    assert.equal(sids.length, type === 'subscribed' ? 2 : 0, `at ${offset}`)
    if (sids.length > 0) await client.request({ type: 'unsubscribe', sids })
  }
  assert.deepEqual([...seen].sort(), ['error', 'subscribed'])
})
