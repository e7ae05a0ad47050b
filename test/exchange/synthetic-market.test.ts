import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Publisher } from '../../lib/exchange/market.ts'
import { SyntheticMarket } from '../../lib/exchange/synthetic-market.ts'
import { parseUnits } from '../../lib/exchange/units.ts'

const NOW = Date.UTC(2024, 7, 8)

/** Steps a market that no timer moves, and gives what it published. */
function run(seed: number, steps: number): { market: SyntheticMarket; frames: string[] } {
  const frames: string[] = []
  const publisher: Publisher = {
    wanted: () => true,
    publish: (_stream, frame) => frames.push(frame),
    drained: async () => {}
  }
  const market = new SyntheticMarket({ seed, pairs: 5, rate: 10, now: () => NOW })
  market.begin(publisher)
  void market.close()
  for (let step = 0; step < steps; step++) market.step()
  return { market, frames }
}

test('the events of a seed are the same each time, and others for another seed', () => {
  const { frames } = run(5, 2_000)
  assert.ok(frames.length > 2_000)
  assert.deepEqual(run(5, 2_000).frames, frames)
  assert.notDeepEqual(run(6, 2_000).frames, frames)
})

test('the book never crosses, prices keep to their ticks and sizes to their lots', () => {
  const { market, frames } = run(1, 60_000)
  const pairs = new Map(market.pairs.map(pair => [pair.symbol, pair]))
  for (const frame of frames) {
    const { data } = JSON.parse(frame) as { data: Record<string, string> }
    const { tickSize, lotSize } = pairs.get(data.s!)!
    const [prices, sizes] =
      data.e === 'trade'
        ? [[data.p!], [data.q!]]
        : [
            [data.b!, data.a!],
            [data.B!, data.A!]
          ]
    const onGrid = (values: string[], step: bigint) =>
      values.map(parseUnits).every(units => units > 0n && units % step === 0n)
    if (!onGrid(prices, tickSize) || !onGrid(sizes, lotSize)) assert.fail(frame)
    if (data.e === undefined && parseUnits(data.b!) >= parseUnits(data.a!)) assert.fail(frame)
  }
})

test('the spread is mostly one tick, and the events come in bursts', () => {
  const { market, frames } = run(1, 60_000)
  const pairs = new Map(market.pairs.map(pair => [pair.symbol, pair]))
  let books = 0
  let tight = 0
  let longest = 0
  let length = 0
  let previous = ''
  for (const frame of frames) {
    const { data } = JSON.parse(frame) as { data: Record<string, string> }
    if (data.e !== undefined) continue
    books++
    if (parseUnits(data.a!) - parseUnits(data.b!) === pairs.get(data.s!)!.tickSize) tight++
    length = data.s === previous ? length + 1 : 1
    previous = data.s!
    longest = Math.max(longest, length)
  }
  assert.ok(tight / books > 0.5, `${tight} of ${books}`)
  assert.ok(longest > 100, `the longest run of one pair was ${longest}`)
})

test('the statistics move out of the window by the hour', () => {
  const clock = { now: NOW }
  const market = new SyntheticMarket({ seed: 1, pairs: 1, rate: 10, now: () => clock.now })
  const first = market.snapshot('BTCUSDT')!
  assert.ok(first.count >= 140 && first.volume > 0n)
  clock.now += 12 * 3_600_000
  const later = market.snapshot('BTCUSDT')!
  assert.ok(later.count < first.count && later.volume < first.volume && later.firstId > first.firstId)
  assert.ok(later.prevClose > 0n)
  clock.now += 24 * 3_600_000
  const none = market.snapshot('BTCUSDT')!
  assert.deepEqual([none.count, none.volume, none.high, none.firstId], [0, 0n, 0n, -1])
  assert.equal(none.last, first.last)
})
