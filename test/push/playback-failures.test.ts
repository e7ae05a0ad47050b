import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryPlaybackHistory } from '../../lib/push/memory-playback-history.ts'
import type { PlaybackHistory } from '../../lib/push/playback-history.ts'
import { ProtocolClient, type ServerFrame } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { keysOf, makeQuote, OPENING, RandomMarket, seededRandom } from './make-quotes.ts'
import { openPush } from './open-push.ts'
import {
  errorsOf,
  expectedRows,
  inOrder,
  NEXT_DAY,
  openStage,
  playedOf,
  rowsOf,
  untilPlayed,
  valuesOf
} from './play.ts'

const [A = '', B = ''] = keysOf(2)
const trade = (key: string, at: number) => makeQuote(key, OPENING + at, { last: String(at + 1), lastSize: '1' })

/** A history that may be away, and counts how often it was asked. */
class Unsteady implements PlaybackHistory {
  isAway = false
  asked = 0
  readonly #history: PlaybackHistory

  constructor(history: PlaybackHistory) {
    this.#history = history
  }

  page = (query: Parameters<PlaybackHistory['page']>[0]) => this.#answer(() => this.#history.page(query))
  asOf = (query: Parameters<PlaybackHistory['asOf']>[0]) => this.#answer(() => this.#history.asOf(query))
  keys = (query: Parameters<PlaybackHistory['keys']>[0]) => this.#answer(() => this.#history.keys(query))

  async #answer<T>(give: () => Promise<T>): Promise<T> {
    this.asked++
    if (this.isAway) throw new Error('the storage is away')
    return give()
  }
}

/** 3,000 quotes a millisecond apart, many pages of one instrument. */
const long = () => Array.from({ length: 3_000 }, (_, index) => trade(A, index * 1_000))
const LONG = { time: OPENING, until: OPENING + 3_000_000 }

test('a history that is away for a moment is waited for, and nothing is skipped', async t => {
  const quotes = long()
  const history = new Unsteady(new MemoryPlaybackHistory(quotes))
  const stage = await openStage(t, history)
  const client = await ProtocolClient.connect(t, stage.port)
  const sid = await client.subscribe({ keys: [A], mode: 'all', since: { ...LONG, speed: 1 } })
  await waitUntil('it plays', () => {
    stage.clock.advance(10)
    return rowsOf(client, sid).length > 100
  })
  history.isAway = true
  await waitUntil('it could not be read', () => {
    stage.clock.advance(10)
    return stage.hub.counters.playbackRetries > 3
  })
  history.isAway = false
  await waitUntil('it has played', () => {
    stage.clock.advance(50)
    return playedOf(client, sid) !== undefined
  })
  assert.deepEqual(rowsOf(client, sid).map(valuesOf), expectedRows(quotes).rows)
  assert.equal(playedOf(client, sid)?.code, undefined)
  assert.equal(errorsOf(client), 0)
})

test('a history that stays away ends a playback with 503, and from its time on nothing is missing', async t => {
  const quotes = long()
  const history = new Unsteady(new MemoryPlaybackHistory(quotes))
  const errors: unknown[] = []
  const stage = await openStage(t, history, { onError: error => errors.push(error) })
  const client = await ProtocolClient.connect(t, stage.port)
  const sid = await client.subscribe({ keys: [A], mode: 'all', intervalMs: 40, since: { ...LONG, speed: 1 } })
  await waitUntil('it plays', () => {
    stage.clock.advance(10)
    return rowsOf(client, sid).length > 100
  })
  history.isAway = true
  await waitUntil('it has ended', () => {
    stage.clock.advance(500)
    return playedOf(client, sid) !== undefined
  })
  const ended = playedOf(client, sid)
  assert.deepEqual([ended?.code, ended?.name], [503, 'not_ready'])
  const first = rowsOf(client, sid)
  assert.equal(ended?.rows, first.length)
  assert.ok(first.length < 3_000)
  assert.match(String(errors[0]), /away/)
  assert.equal(stage.hub.playbacks, 0)

  history.isAway = false
  const rest = await client.subscribe({ keys: [A], mode: 'all', since: { ...LONG, time: ended?.time, speed: 'max' } })
  await untilPlayed(client, rest)
  const all = [...first.filter(row => Number(row.receivedTime) < Number(ended?.time)), ...rowsOf(client, rest)]
  assert.deepEqual(all.map(valuesOf), expectedRows(quotes).rows)
  assert.equal(errorsOf(client), 0)
})

test('a history that is away from the beginning on ends it too, and a playback that is ended meanwhile asks no more', async t => {
  const history = new Unsteady(new MemoryPlaybackHistory(long()))
  history.isAway = true
  const stage = await openStage(t, history)
  const client = await ProtocolClient.connect(t, stage.port)
  const given = await client.subscribe({ patterns: ['demo:*:*'], since: LONG })
  const ended = await client.subscribe({ keys: [A], since: LONG })
  await waitUntil('both have asked', () => stage.hub.counters.playbackRetries === 2)
  await client.request({ type: 'unsubscribe', sids: [ended] })
  const before = history.asked
  stage.clock.advance(100)
  await waitUntil('one asked again', () => stage.hub.counters.playbackRetries === 3)
  assert.equal(history.asked, before + 1)
  await waitUntil('it has ended', () => {
    stage.clock.advance(1_000)
    return playedOf(client, given) !== undefined
  })
  assert.deepEqual([playedOf(client, given)?.code, playedOf(client, given)?.time], [503, OPENING])
  assert.equal(playedOf(client, ended), undefined)
})

test('a client that reads nothing is played to no further, loses nothing, and holds up nobody', async t => {
  const keys = keysOf(20)
  const quotes = new RandomMarket(keys, seededRandom(3)).batch(20_000)
  const stage = await openStage(t, quotes)
  const slow = await ProtocolClient.connect(t, stage.port)
  const live = await ProtocolClient.connect(t, stage.port)
  const liveSid = await live.subscribe({ keys: [A], mode: 'all' }).catch(() => undefined)
  assert.equal(liveSid, undefined, 'nothing is known of it live')
  stage.feed([trade(A, 0)])
  const followed = await live.subscribe({ keys: [A], mode: 'all' })
  const [connection] = stage.connections
  const sid = await slow.subscribe({ patterns: ['*:*:*'], mode: 'all', since: { time: OPENING - 1e6, speed: 'max' } })
  slow.socket.pause()
  let written = -1
  await waitUntil('it stands still', async () => {
    const before = written
    await new Promise(resolve => setTimeout(resolve, 50))
    written = stage.hub.counters.bytesWritten
    return before === written && (connection?.writableLength ?? 0) > 0
  })
  // One frame more than there was room for.
  assert.ok((connection?.writableLength ?? 0) < 192 * 1024, `${connection?.writableLength} bytes wait`)
  stage.feed([trade(A, 1)])
  await waitUntil('the other one has its row', () => rowsOf(live, followed).length === 1)
  stage.clock.advance(9_000)
  assert.equal(playedOf(slow, sid), undefined)
  slow.socket.resume()
  const played = await untilPlayed(slow, sid)
  assert.equal(played.rows, expectedRows(inOrder(quotes)).rows.length)
  assert.equal(rowsOf(slow, sid).length, played.rows)
  assert.deepEqual([errorsOf(slow), slow.of('lag').length, slow.closed], [0, 0, null])
})

test('what cannot be played is refused with what was expected and what came', async t => {
  const stage = await openStage(t, [trade(A, 0)])
  const client = await ProtocolClient.connect(t, stage.port)
  const ask = async (since: unknown): Promise<ServerFrame> =>
    client.request({ type: 'subscribe', subs: [{ keys: [A], since }] })
  const week = 7 * 86_400_000_000
  for (const [since, expected] of [
    [{ time: NEXT_DAY }, /since.time: expected a time before now=\d+, got \d+/],
    [{ time: NEXT_DAY + 1 }, /since.time: expected a time before now/],
    [{ time: -1 }, /since.time: expected microseconds since the epoch, got -1/],
    [{ time: 1.5 }, /since.time: expected microseconds since the epoch, got 1.5/],
    [{ time: '5' }, /since.time: expected microseconds since the epoch, got "5"/],
    [{ time: OPENING, until: OPENING }, /since.until: expected a time after time=\d+, got \d+/],
    [{ time: OPENING, until: OPENING - 1 }, /since.until: expected a time after/],
    [{ time: OPENING, until: 'now' }, /since.until: expected microseconds/],
    [{ time: NEXT_DAY - week - 1 }, /since: expected at most 604800000000 microseconds, got 604800000001/],
    [{ time: OPENING, speed: -1 }, /since.speed: expected "max" or a number from 0 to 10000, got -1/],
    [{ time: OPENING, speed: 10_001 }, /since.speed: expected .* got 10001/],
    [{ time: OPENING, speed: '1' }, /since.speed: expected .* got "1"/],
    [{ time: OPENING, speed: null }, /since.speed: expected .* got null/],
    [{ time: null }, /since.time: expected microseconds since the epoch, got null/]
  ] as const) {
    const { code, message } = await ask(since)
    assert.equal(code, 400)
    assert.match(String(message), expected)
  }
  assert.equal((await ask({ time: NEXT_DAY - week })).type, 'subscribed')
  assert.equal(
    ((await ask({ time: OPENING, until: NEXT_DAY * 2 })).subs as { replay: { until: number } }[])[0]?.replay.until,
    NEXT_DAY
  )
  assert.equal(stage.hub.playbacks, 2)
})

test('playbacks of a connection and of a gateway, and instruments of one, are bounded', async t => {
  const limits = { playbacks: 3, playbacksPerConnection: 2, playbackKeys: 2, symbols: 5 }
  const quotes = keysOf(3).map(key => trade(key, 0))
  const stage = await openStage(t, quotes, { limits })
  const [one, two] = [await ProtocolClient.connect(t, stage.port), await ProtocolClient.connect(t, stage.port)]
  const ask = (client: ProtocolClient, sub: object) =>
    client.request({ type: 'subscribe', subs: [{ since: { time: OPENING }, ...sub }] })
  assert.equal((await ask(one, { keys: keysOf(3) })).code, 405)
  const more = await one.subscribe({ patterns: ['demo:*:*'], since: { time: OPENING } })
  assert.deepEqual([(await untilPlayed(one, more)).code, stage.hub.playbacks], [405, 0])
  const both = [0, 1].map(() => ({ keys: [A, B], since: { time: OPENING } }))
  const { subs } = await one.request({ type: 'subscribe', subs: both })
  assert.equal(new Set((subs as { sid: string }[]).map(({ sid }) => sid)).size, 2, 'each is its own')
  assert.match(String((await ask(one, { keys: [A] })).message), /expected at most 2 playbacks, got 3/)
  assert.equal((await ask(two, { keys: [A] })).type, 'subscribed')
  const full = await ask(two, { keys: [A] })
  assert.deepEqual([full.code, full.retry, typeof full.retryAfterMs], [503, true, 'number'])
  await one.request({ type: 'unsubscribe', sids: (subs as { sid: string }[]).map(({ sid }) => sid) })
  assert.equal((await ask(two, { keys: [A] })).type, 'subscribed')
})

test('where there is no history there is nothing to play, and the welcome says so', async t => {
  const push = await openPush(t)
  const client = await ProtocolClient.connect(t, push.port)
  assert.equal((client.welcome.features as string[]).includes('replay'), false)
  const { code } = await client.request({ type: 'subscribe', subs: [{ keys: [A], since: { time: OPENING } }] })
  assert.equal(code, 404)
})
