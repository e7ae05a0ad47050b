import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import { makeAccess, makeToken, NOW_S } from '../access/make-access.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { ProtocolClient } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { makeQuote } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openStage, playedOf, rowsOf, untilPlayed } from './play.ts'

const [SPOT, PERP, OTHER] = ['demo:spot:A', 'demo:perp:A', 'okx:spot:A'] as const
const DAY = NOW_S * 1e6 - 86_400_000_000
const QUOTES = [0, 1, 2].flatMap(at =>
  [SPOT, PERP, OTHER].map(key => makeQuote(key, DAY + at * 1_000, { last: String(at), lastSize: null }))
)
const ALL = { time: DAY, until: DAY + 10_000 }

test('only what may be seen is played, and a login that allows less ends what it took away', async t => {
  const clock = new ManualClock(NOW_S * 1e6)
  const stage = await openStage(t, QUOTES, { clock, access: makeAccess({}, clock.nowMicros) })
  const client = await ProtocolClient.connect(t, stage.port)
  const early = await client.request({ type: 'subscribe', subs: [{ keys: [SPOT], since: ALL }] })
  assert.equal(early.code, 401)
  await client.request({ type: 'auth', token: await makeToken({ claims: { patterns: ['demo:*:*'] } }) })
  const answer = await client.request({
    type: 'subscribe',
    subs: [{ keys: [OTHER], patterns: ['*:spot:*'], mode: 'all', since: { ...ALL, speed: 'max' } }]
  })
  assert.deepEqual(answer.rejected, [{ key: OTHER, code: 403, message: 'outside of what you may see' }])
  const sid = String((answer.subs as { sid: string }[])[0]?.sid)
  await untilPlayed(client, sid)
  assert.deepEqual(
    rowsOf(client, sid).map(({ key }) => key),
    [SPOT, SPOT, SPOT]
  )
  const since = { ...ALL, speed: 0 }
  const spot = await client.subscribe({ keys: [SPOT], since })
  const both = await client.subscribe({ keys: [SPOT, PERP], since })
  const waiting = await client.subscribe({ keys: [PERP], intervalMs: 60_000, since: { ...ALL, speed: 1 } })
  await waitUntil('their snapshots came', () => client.of('snapshot').length === 4)
  clock.advance(5)
  await new Promise(resolve => setTimeout(resolve, 30))
  await client.request({ type: 'auth', token: await makeToken({ claims: { patterns: ['demo:spot:*'] } }) })
  const { code, q, rows, time } = await untilPlayed(client, waiting)
  assert.deepEqual([code, q, rows, time], [403, 0, 0, DAY])
  assert.equal(rowsOf(client, waiting).length, 0, 'what waited for its interval is not told any more')
  const ended = await untilPlayed(client, both)
  assert.deepEqual([ended.code, ended.name, ended.time], [403, 'forbidden', DAY])
  assert.equal(playedOf(client, spot), undefined)
  await client.request({ type: 'update', sid: spot, speed: 'max' })
  assert.equal((await untilPlayed(client, spot)).rows, 3)
})

interface Event {
  event?: string
  id?: string
  data?: string
}

/** What a request for events is answered with, whole. */
async function read(
  t: TestContext,
  port: number,
  query: string,
  lastId?: string
): Promise<{ status: number | undefined; body: string; events: Event[] }> {
  const headers = { accept: 'text/event-stream', ...(lastId === undefined ? {} : { 'last-event-id': lastId }) }
  const request = get({ port, path: `/v1/stream?${query}`, headers })
  cleanUp(t, () => request.destroy())
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  let isEnded = false
  response.setEncoding('utf8')
  response.on('data', (chunk: string) => {
    body += chunk
  })
  response.on('end', () => {
    isEnded = true
  })
  await waitUntil('the answer has ended', () => isEnded)
  const events = body
    .split('\n\n')
    .map(block => Object.fromEntries(block.split('\n').map(line => line.split(/: (.*)/s, 2))) as Event)
  return { status: response.statusCode, body, events }
}

test('as server-sent events history plays to its end, goes on from a last event id, and is not asked for a second time', async t => {
  const stage = await openStage(t, QUOTES, { clock: new ManualClock(NOW_S * 1e6) })
  const query = `keys=${SPOT}&mode=all&intervalMs=1&since=${ALL.time}&until=${ALL.until}&speed=max`
  const { events } = await read(t, stage.port, query)
  assert.deepEqual(
    events.map(({ event, id }) => [event, id]),
    [
      [undefined, undefined],
      ['welcome', undefined],
      ['subscribed', undefined],
      ['snapshot', undefined],
      ...[1, 2, 3].map(at => ['quotes', `replay:${DAY + at * 1_000}:${ALL.until}`]),
      ['played', `replay:${ALL.until}:${ALL.until}`],
      [undefined, undefined]
    ]
  )
  const rest = await read(t, stage.port, query, events[4]?.id)
  const lasts = rest.events.flatMap(({ event, data = '' }) => (event === 'quotes' ? JSON.parse(data).data : []))
  assert.deepEqual(
    lasts.map(({ last }: { last: string }) => last),
    ['1', '2']
  )
  const over = await read(t, stage.port, query, events[7]?.id)
  assert.deepEqual([over.status, over.body], [204, ''])
})

test('what is wrong with a request for history as events is told', async t => {
  const stage = await openStage(t, QUOTES, { clock: new ManualClock(NOW_S * 1e6) })
  for (const [query, detail] of [
    ['since=yesterday', /since.time: expected microseconds since the epoch, got \\"yesterday\\"/],
    ['since=1&until=x', /since.until: expected microseconds/],
    [`since=${DAY}&speed=-1`, /since.speed: expected .* got \\"-1\\"/],
    [`since=${DAY}&speed=99999`, /since.speed: expected .* got 99999/]
  ] as const) {
    const { status, body } = await read(t, stage.port, `keys=${SPOT}&${query}`)
    assert.equal(status, 400)
    assert.match(body, detail)
  }
  const { status, events } = await read(t, stage.port, `keys=${SPOT}&since=${NOW_S * 1e6 + 1}`)
  assert.deepEqual([status, JSON.parse(events.find(({ event }) => event === 'error')?.data ?? '{}').code], [200, 400])
})
