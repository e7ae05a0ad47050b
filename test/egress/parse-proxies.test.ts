import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { ProxyListError, parseProxies } from '../../lib/egress/parse-proxies.ts'

test('a list is read in order, without its comments and empty lines', () => {
  const proxies = parseProxies(`
    # the first gateway
    http://me:p%40ss@gate.example:8000
    http://you:other@gate.example:8000

    https://10.0.0.1:443
    http://[2001:db8::1]:80/
  `)
  assert.deepEqual(
    proxies.map(({ label, scheme, host, port }) => [label, scheme, host, port]),
    [
      ['gate.example:8000', 'http', 'gate.example', 8000],
      ['gate.example:8000#2', 'http', 'gate.example', 8000],
      ['10.0.0.1:443', 'https', '10.0.0.1', 443],
      ['[2001:db8::1]:80', 'http', '2001:db8::1', 80]
    ]
  )
  assert.equal(proxies[0]?.authorization(), `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
  assert.equal(proxies[2]?.authorization(), undefined)
  assert.equal(new Set(proxies.map(({ identity }) => identity)).size, 4)
  assert.doesNotMatch(inspect(proxies, { showHidden: true }) + JSON.stringify(proxies), /p@ss|p%40ss|other/)
})

test('every bad line is reported by its number, and none is quoted', () => {
  const text = [
    'http://me:sesame@good.example:1',
    'me:sesame@gate.example:8000',
    'socks5://me:sesame@gate.example:1080',
    'ftp://me:sesame@gate.example:21',
    'http://me:sesame@gate.example',
    'http://me:ses/ame@gate.example:8000',
    'http://me:sesame@gate.example:8000/path',
    'http://me:%zz@gate.example:8000',
    'http://me:sesame@good.example:1'
  ].join('\n')
  const error = (() => {
    try {
      parseProxies(text)
    } catch (error) {
      return error
    }
  })()
  assert.ok(error instanceof ProxyListError)
  assert.deepEqual(
    error.problems.map(problem => Number(/line (\d+)/.exec(problem)?.[1])),
    [2, 3, 4, 5, 6, 7, 8, 9]
  )
  assert.match(error.problems[1] ?? '', /not supported yet/)
  assert.match(error.problems[7] ?? '', /the one of line 1 again/)
  for (const problem of error.problems) assert.match(problem, /expected .*got/)
  assert.doesNotMatch(inspect(error, { showHidden: true }), /sesame|ses\/ame|%zz/)
})
