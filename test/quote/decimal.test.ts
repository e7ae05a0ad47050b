import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecimalError, isDecimal, parseDecimal } from '../../lib/quote/decimal.ts'

const CANONICAL: [text: string, canonical: string][] = [
  ['0', '0'],
  ['-0', '0'],
  ['0.0', '0'],
  ['0E-8', '0'],
  ['0e99999', '0'],
  ['00.10', '0.1'],
  ['1', '1'],
  ['+1', '1'],
  ['-36.98', '-36.98'],
  ['.5', '0.5'],
  ['5.', '5'],
  ['007', '7'],
  ['4.00000200', '4.000002'],
  ['1.1e-7', '0.00000011'],
  ['9.2E-7', '0.00000092'],
  ['1e-06', '0.000001'],
  ['1.5e3', '1500'],
  ['1.2345e2', '123.45'],
  ['123e-2', '1.23'],
  ['100e-2', '1'],
  ['12345678901234567890.123456789012345678', '12345678901234567890.123456789012345678'],
  ['0.000000000000000001', '0.000000000000000001'],
  ['1e19', '10000000000000000000'],
  ['0.00001e5', '1'],
  ['1000000000000000000000e-2', '10000000000000000000']
]

for (const [text, canonical] of CANONICAL) {
  test(`${text} is ${canonical}`, () => {
    assert.equal(parseDecimal(text), canonical)
    assert.equal(parseDecimal(canonical), canonical)
    assert.ok(isDecimal(canonical))
  })
}

const REFUSED: [text: string, code: string][] = [
  ['', 'not_a_number'],
  ['.', 'not_a_number'],
  ['-', 'not_a_number'],
  ['e5', 'not_a_number'],
  ['N/A', 'not_a_number'],
  ['null', 'not_a_number'],
  ['NaN', 'not_a_number'],
  ['Infinity', 'not_a_number'],
  ['98,761,280.56', 'not_a_number'],
  [' 1', 'not_a_number'],
  ['1 ', 'not_a_number'],
  ['1\n', 'not_a_number'],
  ['0x10', 'not_a_number'],
  ['1_000', 'not_a_number'],
  ['1.2.3', 'not_a_number'],
  ['--1', 'not_a_number'],
  ['１', 'not_a_number'],
  ['1e999999999999999999999', 'too_large'],
  ['123456789012345678901', 'too_large'],
  ['1234567890123456789012345678', 'too_large'],
  ['1e20', 'too_large'],
  ['1e99999', 'too_large'],
  ['1.135332e-14', 'too_precise'],
  ['0.0000000000000000001', 'too_precise'],
  ['1e-99999', 'too_precise']
]

for (const [text, code] of REFUSED) {
  test(`${JSON.stringify(text)} is refused as ${code}`, () => {
    assert.throws(() => parseDecimal(text), { name: 'DecimalError', code })
    assert.equal(isDecimal(text), false)
  })
}

test('the scanner agrees with exact integer arithmetic over random texts', () => {
  let seed = 7
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  const digits = (most: number) => Array.from({ length: random(most + 1) }, () => random(10)).join('')
  let accepted = 0
  for (let run = 0; run < 20_000; run++) {
    const whole = digits(24)
    const fraction = digits(22)
    const exponent = random(31) - 15
    const text = `${whole}.${fraction}e${exponent}`
    const scaled = BigInt(whole + fraction || '0') * 10n ** BigInt(60 + exponent - fraction.length)
    try {
      const [integer = '', decimals = ''] = parseDecimal(text).split('.')
      assert.equal(BigInt(integer + decimals) * 10n ** BigInt(60 - decimals.length), scaled, text)
      accepted++
    } catch (error) {
      if (!(error instanceof DecimalError)) throw error
      const fits = scaled < 10n ** 80n && scaled % 10n ** 42n === 0n
      assert.equal(fits && whole + fraction !== '', false, `${text} was refused: ${error.code}`)
    }
  }
  assert.ok(accepted > 1000, `${accepted} accepted`)
})

test('a decimal is told from what is none exactly as by the expression of its form', () => {
  const form = /^-?(?:0|[1-9]\d{0,19})(?:\.\d{0,17}[1-9])?$/
  const heads = [
    '',
    '0',
    '-0',
    '00',
    '01',
    '1',
    '-',
    '-1',
    '+1',
    '9'.repeat(20),
    '9'.repeat(21),
    `-${'9'.repeat(20)}`,
    ' 1',
    'x'
  ]
  const tails = ['', '.', '.0', '.1', '.10', '.01', '..1', '.1.1', '.-1', `.${'9'.repeat(18)}`, `.${'9'.repeat(19)}`]
  const ends = ['', '\n', ' ', 'e1', '-', '/', ':', '٣']
  let decimals = 0
  for (const head of heads) {
    for (const tail of tails) {
      for (const end of ends) {
        const text = head + tail + end
        const expected = form.test(text) && text !== '-0'
        assert.equal(isDecimal(text), expected, JSON.stringify(text))
        if (expected) decimals++
      }
    }
  }
  assert.ok(decimals > 20)
})
