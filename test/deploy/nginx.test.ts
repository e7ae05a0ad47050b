import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { request } from 'undici'
import { WebSocket } from 'ws'
import { Access, OPEN_ACCESS } from '../../lib/access/access.ts'
import { systemClock } from '../../lib/push/clock.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startProcess } from '../kit/private-process.ts'
import { openPush, type Push } from '../push/open-push.ts'

const config = readFileSync(join(import.meta.dirname, '../../deploy/nginx.conf'), 'utf8')

/** nginx as it is deployed, but in one process, for the ports, where it writes, and how it finds the gateways. @returns its port. */
async function startNginx(t: TestContext, gateways: readonly Push[]): Promise<number> {
  const upstream = `upstream gateways { ${gateways.map(({ port }) => `server 127.0.0.1:${port} max_fails=0;`).join(' ')} }\n  server {`
  const { port } = await startProcess(t, {
    name: 'nginx',
    binary: 'nginx',
    prepare: async ({ port, dir }) => {
      const text = config
        .replaceAll('/tmp/', `${dir}/`)
        .replace('listen 3000', `listen 127.0.0.1:${port}`)
        .replace('http://$gateway:3000', 'http://gateways')
        .replace('server {', upstream)
      writeFileSync(join(dir, 'nginx.conf'), text)
    },
    args: ({ dir }) => ['-p', dir, '-c', join(dir, 'nginx.conf'), '-g', 'daemon off; master_process off;'],
    ready: async ({ port }) => (await fetch(`http://127.0.0.1:${port}/nginx`)).status === 204
  })
  return port
}

async function openGateways(t: TestContext, handle?: RequestListener): Promise<Push[]> {
  const access = () => new Access({ ...OPEN_ACCESS, trustedProxies: ['127.0.0.1'] }, { now: systemClock.nowMicros })
  return [await openPush(t, { access: access() }, handle), await openPush(t, { access: access() }, handle)]
}

test('clients who come while a gateway is drained are served by another, each under the address that nginx saw', async t => {
  const gateways = await openGateways(t)
  const port = await startNginx(t, gateways)
  const [drained, other] = gateways
  drained?.hub.drain(60_000)
  const addresses = Array.from({ length: 6 }, (_, index) => `127.0.1.${index + 1}`)
  for (const localAddress of addresses) {
    const options = { localAddress, headers: { 'x-forwarded-for': '198.51.100.9' } }
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, options)
    cleanUp(t, () => socket.terminate())
    await once(socket, 'open')
  }
  const sessions = other?.hub.administration.list({ limit: 10 }).sessions
  assert.deepEqual(sessions?.map(({ address }) => address).sort(), addresses)

  other?.hub.drain(60_000)
  const stream = `http://127.0.0.1:${port}/v1/stream?patterns=*:*:*`
  const refused = await fetch(stream, { headers: { accept: 'text/event-stream' } })
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1'], 'what the last one says')
})

test('what administrators and pages send comes through nginx, and is not sent twice where it changes something', async t => {
  const seen: unknown[] = []
  const gateways = await openGateways(t, async (incoming, response) => {
    const { method, url, headers } = incoming
    const body = await incoming.setEncoding('utf8').reduce((text: string, chunk: string) => text + chunk, '')
    const { authorization, 'x-api-key': key, 'last-event-id': last, origin } = headers
    seen.push({ method, url, body, authorization, key, last, origin })
    response.writeHead(503, { 'retry-after': '2', 'access-control-allow-origin': 'https://app.example' }).end('later')
  })
  const port = await startNginx(t, gateways)
  const headers = { authorization: 'Bearer t', 'x-api-key': 'k', 'last-event-id': '7', origin: 'https://app.example' }
  const url = '/api/v1/admin/limits?node=gateway-1'
  const body = '{"symbols":5}'
  const answer = await request(`http://127.0.0.1:${port}${url}`, { method: 'PATCH', headers, body })
  assert.equal(answer.statusCode, 503)
  assert.equal(answer.headers['retry-after'], '2')
  assert.equal(answer.headers['access-control-allow-origin'], 'https://app.example')
  assert.equal(await answer.body.text(), 'later')
  const sent = { authorization: 'Bearer t', key: 'k', last: '7', origin: 'https://app.example' }
  assert.deepEqual(seen, [{ method: 'PATCH', url, body, ...sent }])
})
