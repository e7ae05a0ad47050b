// JavaScript, because the Node that this package's binaries are for does not run TypeScript. Speaks as `answer-calls.ts` and `feed.ts` do.
import { createRequire } from 'node:module'
import { createServer } from 'node:net'

const uws = createRequire(import.meta.url)('@trufflesuite/uws-js-unofficial')

const HOST = '127.0.0.1'
/** As the other servers: what a client does not take in waits in memory. */
const MAX_BACKPRESSURE = 64 * 1024 ** 2

const app = uws.App().ws('/*', {
  idleTimeout: 0,
  maxBackpressure: MAX_BACKPRESSURE,
  message(socket, message) {
    for (const topic of JSON.parse(Buffer.from(message).toString())) socket.subscribe(topic)
    socket.send('ready')
  }
})
const feed = createServer(socket => {
  let rest = ''
  socket.setEncoding('latin1').on('data', data => {
    const lines = (rest + data).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const space = line.indexOf(' ')
      app.publish(line.slice(0, space), line.slice(space + 1))
    }
  })
})
process.on('message', ({ id }) => {
  globalThis.gc?.()
  process.send?.({ id, value: null })
})
process.on('disconnect', () => process.exit())
app.listen(HOST, 0, listening => {
  if (!listening) throw new Error('cannot listen')
  feed.listen(0, HOST, () => {
    const ready = { port: uws.us_socket_local_port(listening), feedPort: feed.address().port, originMicros: 0 }
    process.send?.({ id: 0, value: ready })
  })
})
