import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { encodeTextFrame } from '../../lib/push/websocket-frame.ts'

test('a frame written past the WebSocket arrives whole at every length class, between frames of its own', async t => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
  t.after(() => server.close())
  await once(server, 'listening')
  const texts = [0, 1, 125, 126, 65_535, 65_536, 200_000].map(length => 'é'.repeat(length / 2).padEnd(length / 2, 'x'))
  server.on('connection', (socket, request) => {
    for (const text of texts) {
      socket.send('own')
      request.socket.write(encodeTextFrame(text))
    }
    socket.close(4200)
  })
  const { port } = server.address() as { port: number }
  const client = new WebSocket(`ws://127.0.0.1:${port}`)
  const received: string[] = []
  client.on('message', data => received.push(String(data)))
  const [code] = await once(client, 'close')
  assert.equal(code, 4200)
  assert.deepEqual(
    received,
    texts.flatMap(text => ['own', text])
  )
})
