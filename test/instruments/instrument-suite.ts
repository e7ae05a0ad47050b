import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Instrument, InstrumentStore } from '../../lib/instruments/instrument-store.ts'

function makeInstrument(key: string, parts: Partial<Instrument> = {}): Instrument {
  return {
    ...{ key, venueSymbol: key.split(':')[2] ?? '', name: null, base: null, currency: null, tickSize: null },
    ...{ lotSize: null, multiplier: null, calendar: null, status: 'trading' },
    ...parts
  }
}

/** What every catalogue must do. `open` opens the same catalogue, or a new one where nothing is shared. */
export async function runInstrumentSuite(t: TestContext, open: () => Promise<InstrumentStore>): Promise<void> {
  const opened = async (t: TestContext): Promise<InstrumentStore> => {
    const store = await open()
    t.after(() => store.close())
    return store
  }

  await t.test('an instrument comes back equal, with all of its fields or with none', async t => {
    const store = await opened(t)
    const full = makeInstrument('full:future:GC', {
      ...{ venueSymbol: 'GC=F \'\\"%_', name: 'Gold ₮ 黄金 🚀', base: 'XAU', currency: 'USD', calendar: 'COMEX' },
      ...{ tickSize: '0.1', lotSize: '99999999999999999999.999999999999999999', multiplier: '100', status: 'halted' }
    })
    const empty = makeInstrument('full:spot:EMPTY', { name: '' })
    await store.upsert([full, empty])
    assert.deepEqual(await store.get([empty.key, full.key]), [full, empty])
  })

  await t.test('the last record of a key is kept, and giving it again changes nothing', async t => {
    const store = await opened(t)
    const [one, two, three] = ['1', '2', '3'].map(lotSize => makeInstrument('last:spot:A', { lotSize })) as [
      Instrument,
      Instrument,
      Instrument
    ]
    await store.upsert([one, two])
    assert.deepEqual(await store.get([one.key]), [two])
    for (const _ of [1, 2]) await store.upsert([three])
    await store.upsert([])
    assert.deepEqual(await store.get([one.key]), [three])
  })

  await t.test('unknown keys are absent, known ones are told once in the order of keys', async t => {
    const store = await opened(t)
    // By code point: a sign beyond the 16-bit ones comes last.
    const keys = ['order:spot:A', 'order:spot:B', 'order:spot:a', 'order:spot:币', 'order:spot:ﬀ', 'order:spot:🚀']
    await store.upsert(keys.toReversed().map(key => makeInstrument(key)))
    const found = await store.get([...keys, 'order:spot:UNKNOWN', ...keys])
    assert.deepEqual(
      found.map(({ key }) => key),
      keys
    )
    assert.deepEqual(await store.get([]), [])
    assert.deepEqual(
      (await store.search('order:', 10)).map(({ key }) => key),
      keys
    )
  })

  await t.test(
    'a search looks into key, venue symbol and name, without regard to case, for the text as it stands',
    async t => {
      const store = await opened(t)
      await store.upsert([
        makeInstrument('find:spot:AAA', { venueSymbol: 'xfindx1', name: 'Größe ÄÖ' }),
        makeInstrument('find:spot:BBB', { venueSymbol: 'q100%', name: null }),
        makeInstrument('find:spot:CCC', { venueSymbol: 'q_00', name: '币安人生' })
      ])
      const search = async (text: string, limit = 10) =>
        (await store.search(text, limit)).map(({ key }) => key.slice(-3))
      assert.deepEqual(await search('FIND:Spot:'), ['AAA', 'BBB', 'CCC'])
      assert.deepEqual(await search('find:spot:', 2), ['AAA', 'BBB'])
      assert.deepEqual(await search('XFINDX'), ['AAA'])
      assert.deepEqual(await search('grÖSSE'), [])
      assert.deepEqual(await search('GRÖßE äö'), ['AAA'])
      assert.deepEqual(await search('grosse'), [])
      assert.deepEqual(await search('安人'), ['CCC'])
      assert.deepEqual(await search('0%'), ['BBB'])
      assert.deepEqual(await search('q_'), ['CCC'])
      assert.ok((await search('', 100)).length >= 3)
    }
  )

  await t.test('what cannot be kept exactly is refused with a code, and nothing of its batch is stored', async t => {
    const store = await opened(t)
    const good = makeInstrument('bad:spot:GOOD')
    const bad: Record<string, Partial<Instrument>> = {
      'a key without a type': { key: 'bad:GOOD' },
      'a tick that is not canonical': { tickSize: '0.10' },
      'a lot beyond the domain': { lotSize: '1'.repeat(21) },
      'an empty venue symbol': { venueSymbol: '' },
      'a name that is too long': { name: 'n'.repeat(256) },
      'half a character': { name: '\ud800' },
      'an unknown status': { status: 'asleep' as 'closed' }
    }
    for (const [what, change] of Object.entries(bad)) {
      await assert.rejects(
        store.upsert([good, { ...good, ...change }]),
        { code: 'out_of_domain', retryable: false },
        what
      )
    }
    assert.deepEqual(await store.get([good.key]), [])
  })

  await t.test('two sources that write 1,000 instruments at once both succeed', async t => {
    const [one, other] = [await opened(t), await opened(t)]
    const instruments = Array.from({ length: 1_000 }, (_, index) => makeInstrument(`race:spot:S${index}`))
    await Promise.all([one.upsert(instruments), other.upsert(instruments.toReversed()), one.upsert(instruments)])
    assert.equal((await one.get(instruments.map(({ key }) => key))).length, 1_000)
    assert.equal((await other.search('race:spot:', 10_000)).length, 1_000)
  })

  await t.test('a closed catalogue says so, and is closed twice without harm', async () => {
    const store = await open()
    await store.close()
    await store.close()
    await assert.rejects(store.get(['a:spot:B']), { code: 'closed' })
    await assert.rejects(store.upsert([makeInstrument('a:spot:B')]), { code: 'closed' })
  })
}
