import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRange, networkOf, TrustedProxies } from '../../lib/access/client-address.ts'

const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.1', 'fd00::/8'])

test('the client is the rightmost address that is no trusted proxy', () => {
  for (const [peer, forwarded, client] of [
    ['203.0.113.9', undefined, '203.0.113.9'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9, 10.2.3.4 ,192.0.2.1', '203.0.113.9'],
    ['fd00::1', '2001:db8::5', '2001:db8::5'],
    ['::ffff:10.0.0.1', '::ffff:203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9:4711', '203.0.113.9'],
    ['10.0.0.1', '[2001:DB8::5]:443', '2001:db8::5'],
    ['10.0.0.1', '10.0.0.2, 10.0.0.3', '10.0.0.2']
  ] as const)
    assert.equal(proxies.clientOf(peer, forwarded), client, `${peer} ${forwarded}`)
})

test('nobody becomes somebody else by writing the header', () => {
  for (const [peer, forwarded, client] of [
    // Not through a proxy: the header is the client's own word.
    ['203.0.113.9', '198.51.100.7', '203.0.113.9'],
    ['203.0.113.9', '10.0.0.1', '203.0.113.9'],
    // The proxy has added the true address to what the client wrote.
    ['10.0.0.1', '198.51.100.7, 203.0.113.9', '203.0.113.9'],
    ['10.0.0.1', '127.0.0.1, 10.0.0.7, 203.0.113.9', '203.0.113.9'],
    // What is no address breaks the chain; the last one that was vouched for counts.
    ['10.0.0.1', 'unknown', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.7, garbage, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '198.51.100.7,', '10.0.0.1'],
    ['10.0.0.1', '010.0.0.9', '10.0.0.1'],
    ['10.0.0.1', '203.0.113.9 10.0.0.1', '10.0.0.1'],
    ['nonsense', '203.0.113.9', 'unknown']
  ] as const)
    assert.equal(proxies.clientOf(peer, forwarded), client, `${peer} ${forwarded}`)
  assert.equal(new TrustedProxies([]).clientOf('10.0.0.1', '203.0.113.9'), '10.0.0.1')
})

test('an IPv6 client is counted by its /64, however the address is written', () => {
  for (const [address, network] of [
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64']
  ] as const)
    assert.equal(networkOf(address), network)
})

test('ranges are addresses with or without a prefix', () => {
  for (const range of ['10.0.0.0/8', '10.0.0.1', '0.0.0.0/0', '::1', 'fd00::/8', '::/128'])
    assert.ok(isRange(range), range)
  for (const range of [
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    'proxy',
    '',
    '10.0.0.1/',
    '10.0.0.1/8/8',
    '10.0.0.1/-1'
  ])
    assert.ok(!isRange(range), range)
})
