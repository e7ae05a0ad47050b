import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Msg } from 'nats'
import { nakBody, placeOf } from '../../lib/transport/jetstream-message.ts'

const place = (reply: string) => placeOf({ reply } as Msg)
const expected = { deliveryCount: 2, streamSequence: 40, consumerSequence: 17 }

test('the reply subject tells the place, in its old form and in the one with domain and account', () => {
  assert.deepEqual(place('$JS.ACK.MOL-quotes.storage.2.40.17.1700000000000000000.5'), expected)
  assert.deepEqual(place('$JS.ACK.hub.ACC.MOL-quotes.storage.2.40.17.1700000000000000000.5'), expected)
  assert.deepEqual(place('$JS.ACK.hub.ACC.MOL-quotes.storage.2.40.17.1700000000000000000.5.x7Fa'), expected)
})

test('another reply subject has no place', () => {
  for (const reply of ['', '_INBOX.abc', '$JS.ACK.a.b.c', '$JS.ACK.MOL-quotes.storage.x.40.17.1.5']) {
    assert.equal(place(reply), undefined, reply)
  }
})

test('a pause is told in nanoseconds', () => {
  assert.equal(nakBody(0), '-NAK')
  assert.equal(nakBody(250), '-NAK {"delay":250000000}')
})
