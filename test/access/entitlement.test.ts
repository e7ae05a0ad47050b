import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Entitlement } from '../../lib/access/entitlement.ts'
import { fewestPatterns, matchesPattern, type Pattern, parsePattern } from '../../lib/instruments/key-pattern.ts'
import { seededRandom } from '../push/make-quotes.ts'
import { entitlementTo } from './make-access.ts'

const NAMES = [
  ['binance', 'okx', 'xshg'],
  ['spot', 'perp', 'stock'],
  ['A', 'B', 'C']
] as const
/** All keys of the small world, and for each segment a name that no pattern has. */
const KEYS = [...NAMES[0], 'new'].flatMap(venue =>
  [...NAMES[1], 'fx'].flatMap(type => [...NAMES[2], 'NEW'].map(symbol => `${venue}:${type}:${symbol}`))
)

function randomPatterns(random: () => number, max: number): string[] {
  const pick = (names: readonly string[]): string =>
    random() < 0.4 ? '*' : names[Math.floor(random() * names.length)]!
  return Array.from({ length: Math.floor(random() * (max + 1)) }, () => NAMES.map(pick).join(':'))
}

const parse = (texts: readonly string[]): Pattern[] => texts.map(text => parsePattern(text)!)
const matches = (patterns: readonly Pattern[], key: string): boolean =>
  patterns.some(pattern => matchesPattern(pattern, key.split(':')))

test('what a pattern is narrowed to is exactly what both the pattern and the entitlement match', () => {
  const random = seededRandom(11)
  for (let round = 0; round < 2000; round++) {
    const own = randomPatterns(random, 5)
    const asked = parse(randomPatterns(random, 4))
    const entitlement = entitlementTo(...own)
    const seen = asked.flatMap(pattern => entitlement.narrow(pattern))
    const fewest = fewestPatterns(seen)!
    for (const key of KEYS) {
      const expected = matches(parse(own), key) && matches(asked, key)
      assert.equal(matches(seen, key), expected, `${asked.map(({ text }) => text)} within ${own}: ${key}`)
      assert.equal(matches(fewest, key), expected)
      assert.equal(entitlement.allows(key), matches(parse(own), key))
    }
  }
})

test('two ways to ask for the same keys become the same patterns', () => {
  const random = seededRandom(12)
  const byView = new Map<string, string>()
  let met = 0
  for (let round = 0; round < 3000; round++) {
    const asked = parse(randomPatterns(random, 4)).flatMap(pattern =>
      entitlementTo(...randomPatterns(random, 3)).narrow(pattern)
    )
    const view = KEYS.filter(key => matches(asked, key)).join()
    const texts = fewestPatterns(asked)!
      .map(({ text }) => text)
      .join()
    if (byView.has(view)) met++
    assert.equal(byView.get(view) ?? texts, texts)
    byView.set(view, texts)
  }
  assert.ok(met > 100 && byView.size > 100, `${byView.size} views, ${met} met again`)
})

test('everything, asked for by somebody who may see one market, is that market', () => {
  const texts = (own: string[], asked: string) =>
    entitlementTo(...own)
      .narrow(parsePattern(asked)!)
      .map(({ text }) => text)
  assert.deepEqual(texts(['binance:spot:*'], '*:*:*'), ['binance:spot:*'])
  assert.deepEqual(texts(['binance:spot:*'], 'binance:*:A'), ['binance:spot:A'])
  assert.deepEqual(texts(['binance:spot:*'], 'okx:*:*'), [])
  assert.deepEqual(texts(['*:*:*'], 'okx:*:*'), ['okx:*:*'])
  assert.deepEqual(texts([], '*:*:*'), [])
})

test('entitlements have a bound, and so has what two of them have in common', () => {
  const hundred = (segment: (i: number) => string) => Array.from({ length: 100 }, (_, i) => segment(i))
  assert.equal(Entitlement.parse([...hundred(i => `a:spot:S${i}`), 'b:spot:*']), undefined)
  assert.equal(Entitlement.parse(['nonsense']), undefined)
  const venues = entitlementTo(...hundred(i => `v${i}:*:*`))
  const symbols = entitlementTo(...hundred(i => `*:*:S${i}`))
  assert.equal(venues.and(symbols), undefined)
  assert.equal(venues.and(Entitlement.all)?.patterns.length, 100)
  assert.equal(venues.and(Entitlement.none)?.patterns.length, 0)
})
