import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Visits } from '../../lib/push/visits.ts'
import { waitUntil } from '../kit/wait-until.ts'

test('a request is found by its name until it is answered or its client is gone, and by no other', async t => {
  const visits = new Visits()
  const names: string[] = []
  const server = createServer((request, response) => {
    const name = visits.enter(request, response)
    names.push(name)
    assert.equal(visits.find(name), request)
    if (request.url === '/answered') response.end()
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  get({ port, path: '/answered', agent: false }, response => response.resume())
  const gone = get({ port, path: '/gone', agent: false })
  gone.on('error', () => {})
  await waitUntil('both came', () => names.length === 2)
  gone.destroy()
  await waitUntil('both are forgotten', () => visits.size === 0)
  for (const name of [...names, undefined, 7, 'toString']) assert.equal(visits.find(name), undefined)
})
