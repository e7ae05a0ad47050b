import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import { freePort } from '../../lib/cluster/free-port.ts'
import { FetchSource } from '../../lib/fetch/fetch-source.ts'
import { Fetcher, type FetcherOptions } from '../../lib/fetch/fetcher.ts'
import type { FetchDone, FetchDue, QuotesReceived, SourceStatus } from '../../lib/quote/events.ts'
import { startOrigin } from '../egress/origin.ts'
import { openPool } from '../egress/pool.ts'
import { startProxy } from '../kit/proxy.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { fakeSource } from './fake-source.ts'

const now = (): number => Date.now() * 1_000

interface SetUp extends Partial<FetcherOptions> {
  resolve?: () => Promise<string>
  proxies?: string[]
}

/** A fetcher over a real pool, and what it sent. */
function setUp(t: TestContext, { resolve, proxies = [], ...options }: SetUp) {
  const source = new FetchSource({
    name: 'venue',
    source: fakeSource,
    resolve: resolve ?? (() => Promise.reject(new Error('nowhere'))),
    userAgents: [],
    allowHttp: false
  })
  const published: QuotesReceived[] = []
  const instruments: number[] = []
  const done: FetchDone[] = []
  const statuses: SourceStatus[] = []
  const fetcher = new Fetcher({
    sources: [source],
    pool: openPool(t, proxies),
    publish: async received => void published.push(received),
    announceInstruments: async (_source, chunk) => void instruments.push(chunk.length),
    announceDone: async end => void done.push(end),
    announceStatus: async status => void statuses.push(status),
    longestFetchMs: () => 2_000,
    now,
    node: 'node-1',
    ...options
  })
  t.after(() => fetcher.close())
  return { fetcher, published, instruments, done, statuses }
}

function due(keys: readonly string[], options: Partial<FetchDue> = {}): FetchDue {
  const slot = now()
  const request = { channel: 'price', keys: keys.map(symbol => `fake:spot:${symbol}`) }
  return { job: 'venue/all/price', source: 'venue', request, slot, deadline: slot + 1_000_000, ...options }
}

/** Answers with a price for each symbol; a symbol named BAD spoils the whole list. */
const answer: RequestListener = (request, response) => {
  const symbols = new URL(request.url ?? '', 'http://x').searchParams.get('symbols')?.split(',') ?? []
  const spoilt = symbols.some(symbol => symbol.startsWith('BAD'))
  const body = spoilt ? { error: 'bad_symbol' } : { quotes: Object.fromEntries(symbols.map(symbol => [symbol, '1.5'])) }
  response.end(JSON.stringify(body))
}

test('a due fetch becomes one batch with its slot, its times and its egress', async t => {
  const origin = await startOrigin(t, answer)
  const { fetcher, published, done } = setUp(t, { resolve: async () => `${origin.url}/` })
  const tick = due(['A', 'B'])
  await fetcher.handle(tick)
  assert.equal(published.length, 1)
  const { source, slot, quotes } = published[0]!
  assert.deepEqual([source, slot], ['venue', tick.slot])
  assert.deepEqual(
    quotes.map(({ key, last, src }) => [key, last, src.slot, src.egress, src.provider]),
    [
      ['fake:spot:A', '1.5', tick.slot, 'direct', 'venue'],
      ['fake:spot:B', '1.5', tick.slot, 'direct', 'venue']
    ]
  )
  for (const { observedTime, receivedTime, publishedTime } of quotes) {
    assert.ok(tick.slot <= observedTime && observedTime <= receivedTime && receivedTime <= publishedTime)
  }
  const { timings, ...end } = done[0]!
  assert.ok(timings.begin >= 0 && timings.end >= timings.begin)
  assert.deepEqual(end, {
    job: tick.job,
    slot: tick.slot,
    outcome: 'done',
    reason: null,
    counts: { quotes: 2, refused: 0, attempts: 1 },
    egress: 'direct',
    node: 'node-1'
  })
})

test('a tick that arrives after its deadline is late: nothing is asked for', async t => {
  const origin = await startOrigin(t, answer)
  const { fetcher, published } = setUp(t, { resolve: async () => origin.url })
  const end = await fetcher.fetch(due(['A'], { deadline: now() - 1 }))
  assert.deepEqual([end.outcome, end.reason], ['late', null])
  assert.equal(origin.requests.length + published.length, 0)
  assert.deepEqual(fetcher.stats().outcomes, { done: 0, late: 1, failed: 0 })
})

test('fetches share out over the bound of concurrency; one that waits past its deadline is late', async t => {
  const held: (() => void)[] = []
  const origin = await startOrigin(t, (request, response) => held.push(() => answer(request, response)))
  let time = now()
  const { fetcher } = setUp(t, { resolve: async () => origin.url, concurrency: 2, now: () => time })
  const ticks = Array.from({ length: 4 }, () => due(['A'], { slot: time, deadline: time + 1_000_000 }))
  const ends = ticks.map(tick => fetcher.fetch(tick))
  await waitUntil('two requests are under way', () => held.length === 2)
  assert.equal(fetcher.stats().underWay, 4)
  time += 2_000_000
  for (const release of held.splice(0)) release()
  assert.deepEqual(
    (await Promise.all(ends)).map(({ outcome }) => outcome),
    ['done', 'done', 'late', 'late']
  )
  assert.equal(origin.requests.length, 2)
})

test('bad symbols are found by halves and quarantined; the others arrive in the same fetch', async t => {
  const origin = await startOrigin(t, answer)
  const { fetcher, published } = setUp(t, { resolve: async () => origin.url })
  const symbols = ['A', 'B', 'C', 'BAD1', 'D', 'E', 'F', 'G', 'BAD2', 'H', 'I', 'J']
  const end = await fetcher.fetch(due(symbols))
  assert.deepEqual([end.outcome, end.counts.quotes, end.counts.refused], ['done', 10, 2])
  const keys = published.flatMap(({ quotes }) => quotes.map(({ key }) => key))
  assert.deepEqual(
    keys.sort(),
    symbols.filter(symbol => !symbol.startsWith('BAD')).map(symbol => `fake:spot:${symbol}`)
  )
  assert.deepEqual(
    fetcher
      .stats()
      .quarantined.map(({ key, message }) => [key, message])
      .sort(),
    [
      ['fake:spot:BAD1', 'the venue said bad_symbol'],
      ['fake:spot:BAD2', 'the venue said bad_symbol']
    ]
  )
  const before = origin.requests.length
  await fetcher.fetch(due(symbols))
  assert.equal(origin.requests.length, before + 1)
  const nothingLeft = await fetcher.fetch(due(['BAD1']))
  assert.deepEqual([nothingLeft.outcome, nothingLeft.reason], ['failed', 'bad_symbol'])
})

test('a key of another venue spoils nothing', async t => {
  const origin = await startOrigin(t, answer)
  const { fetcher } = setUp(t, { resolve: async () => origin.url })
  const tick = due(['A'])
  tick.request.keys.push('other:spot:X')
  const end = await fetcher.fetch(tick)
  assert.deepEqual([end.outcome, end.counts.quotes, end.counts.refused], ['done', 1, 1])
  const alone = await fetcher.fetch({ ...tick, request: { channel: 'price', keys: ['another:spot:Y'] } })
  assert.deepEqual([alone.outcome, alone.reason], ['failed', 'unsupported_key'])
})

test('what cannot be fetched is an outcome with the code of its cause', async t => {
  const port = await freePort()
  const origin = await startOrigin(t, (request, response) => {
    if (request.url?.includes('HTML')) response.end('<html>')
    else if (request.url?.includes('DOWN')) response.writeHead(503).end('{}')
    else response.end('{"error":"throttled"}')
  })
  let base = origin.url
  const { fetcher, published } = setUp(t, { resolve: async () => base })
  const reason = async (tick: FetchDue) => {
    const { outcome, reason } = await fetcher.fetch(tick)
    return `${outcome}: ${reason}`
  }
  assert.equal(await reason(due(['HTML'])), 'failed: unreadable')
  assert.equal(await reason(due(['DOWN'])), 'failed: unavailable')
  assert.equal(await reason(due(['A'], { source: 'elsewhere' })), 'failed: unknown_source')
  assert.equal(await reason(due(['A'], { request: { channel: 'candles', keys: [] } })), 'failed: unsupported_channel')
  assert.equal(await reason(due(['A'])), 'failed: throttled')
  const requests = origin.requests.length
  assert.equal(await reason(due(['A'])), 'failed: throttled')
  assert.equal(origin.requests.length, requests, 'a venue that throttles by its body is left alone')
  base = `http://127.0.0.1:${port}`
  const elsewhere = setUp(t, { resolve: async () => base })
  assert.equal((await elsewhere.fetcher.fetch(due(['A']))).reason, 'refused')
  const nowhere = setUp(t, {})
  assert.equal((await nowhere.fetcher.fetch(due(['A']))).reason, 'unavailable')
  assert.equal(published.length, 0)
})

test('a source that has not been found by the end of the fetch fails the slot and nothing else', async t => {
  const origin = await startOrigin(t, answer)
  let appear: (url: string) => void = () => {}
  const found = new Promise<string>(resolve => {
    appear = resolve
  })
  const { fetcher } = setUp(t, { resolve: () => found, longestFetchMs: () => 30 })
  assert.equal((await fetcher.fetch(due(['A']))).reason, 'deadline')
  appear(origin.url)
  const patient = setUp(t, { resolve: () => found })
  assert.equal((await patient.fetcher.fetch(due(['A']))).outcome, 'done')
})

test('a source that comes back on another port is found again', async t => {
  const port = await freePort()
  const places = [`http://127.0.0.1:${port}`]
  let lookUps = 0
  const { fetcher } = setUp(t, {
    resolve: async () => {
      lookUps++
      return places.at(-1)!
    }
  })
  assert.equal((await fetcher.fetch(due(['A']))).reason, 'refused')
  const origin = await startOrigin(t, answer)
  places.push(origin.url)
  for (let i = 0; i < 3; i++) assert.equal((await fetcher.fetch(due(['A']))).outcome, 'done')
  assert.equal(lookUps, 2)
})

test('five failures in a row are an outage, announced once; the first success ends it', async t => {
  let down = true
  const origin = await startOrigin(t, (request, response) => {
    if (down) response.writeHead(500).end('{}')
    else answer(request, response)
  })
  const { fetcher, statuses } = setUp(t, { resolve: async () => origin.url })
  for (let i = 0; i < 4; i++) await fetcher.fetch(due(['A']))
  assert.equal(statuses.length, 0)
  for (let i = 0; i < 4; i++) await fetcher.fetch(due(['A']))
  assert.deepEqual(fetcher.stats().down, ['venue'])
  down = false
  for (let i = 0; i < 2; i++) await fetcher.fetch(due(['A']))
  assert.deepEqual(
    statuses.map(({ scope, id, state, reason }) => [scope, id, state, reason]),
    [
      ['source', 'venue/rest', 'down', 'unavailable'],
      ['source', 'venue/rest', 'ok', null]
    ]
  )
})

test('the catalogue is announced in parts of a thousand', async t => {
  const symbols = Array.from({ length: 2_500 }, (_, i) => `S${i}`)
  const origin = await startOrigin(t, (_request, response) => response.end(JSON.stringify({ instruments: symbols })))
  const { fetcher, instruments } = setUp(t, { resolve: async () => origin.url })
  const end = await fetcher.fetch(due([], { request: { channel: 'instruments', keys: [] } }))
  assert.equal(end.outcome, 'done')
  assert.deepEqual(instruments, [1_000, 1_000, 500])
})

test('quotes that the buffer does not take fail the handler, so that the tick comes again', async t => {
  const origin = await startOrigin(t, answer)
  const { fetcher } = setUp(t, {
    resolve: async () => origin.url,
    publish: () => Promise.reject(new Error('stream is full'))
  })
  await assert.rejects(fetcher.handle(due(['A'])), { message: 'stream is full' })
  const { publishFailures, outcomes, underWay } = fetcher.stats()
  assert.deepEqual([publishFailures, outcomes.done, underWay], [1, 0, 0])

  const deaf = setUp(t, {
    resolve: async () => origin.url,
    announceDone: () => Promise.reject(new Error('nobody there'))
  })
  await deaf.fetcher.handle(due(['A']))
  assert.equal(deaf.fetcher.stats().announceFailures, 1)
})

test('a stop lets a fetch that is under way hand over what it brings', async t => {
  const held: (() => void)[] = []
  const origin = await startOrigin(t, (request, response) => held.push(() => answer(request, response)))
  const { fetcher, published } = setUp(t, { resolve: async () => origin.url })
  const end = fetcher.fetch(due(['A']))
  await waitUntil('the request is under way', () => held.length === 1)
  const closed = fetcher.close()
  held[0]!()
  assert.equal((await end).outcome, 'done')
  await Promise.all([closed, fetcher.close()])
  assert.equal(published.length, 1)
})

test('through proxies, killing one costs no slot', async t => {
  const origin = await startOrigin(t, answer)
  const proxies = await Promise.all([2, 3, 4].map(n => startProxy(t, { address: `127.0.0.${n}` })))
  const { fetcher, published } = setUp(t, { resolve: async () => origin.url, proxies: proxies.map(({ url }) => url) })
  for (let i = 0; i < 60; i++) {
    if (i === 30) await proxies[1]!.kill()
    assert.equal((await fetcher.fetch(due(['A', 'B']))).outcome, 'done')
  }
  assert.equal(published.length, 60)
  const used = new Set(published.flatMap(({ quotes }) => quotes.map(({ src }) => src.egress)))
  assert.deepEqual([...used].sort(), proxies.map(({ address, port }) => `${address}:${port}`).sort())
})
