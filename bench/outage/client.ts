import { WebSocket } from 'ws'
import { wallClock } from '../../lib/quote/wall-clock.ts'
import { answer } from '../kit/peer-process.ts'
import { Latencies } from '../kit/statistics.ts'

/** WebSocket clients that want every quote at once, and how old each is on arrival. Arguments: the gateway's port, how many. */
export interface Received {
  rows: number
  p50: number
  p99: number
  p999: number
}

interface Frame {
  type: string
  data: { publishedTime: number }[]
}

const [port = '', count = '1'] = process.argv.slice(2)
const now = wallClock()
let latencies = new Latencies()
answer(() => {
  const told: Received = {
    rows: latencies.count,
    p50: latencies.percentile(0.5),
    p99: latencies.percentile(0.99),
    p999: latencies.percentile(0.999)
  }
  latencies = new Latencies()
  return told
})

for (let client = 0; client < Number(count); client++) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, 'quotes.v1.json', { perMessageDeflate: false })
  socket.on('open', () => {
    const subs = [{ patterns: ['*:*:*'], fields: ['last', 'bid', 'ask', 'publishedTime'], intervalMs: 0 }]
    socket.send(JSON.stringify({ type: 'subscribe', id: 1, subs }))
  })
  socket.on('message', data => {
    const { type, data: rows } = JSON.parse(String(data)) as Frame
    if (type !== 'quotes') return
    const received = now()
    for (const { publishedTime } of rows) latencies.add(received - publishedTime)
  })
  socket.on('close', code => {
    throw new Error(`the gateway closed a client: ${code}`)
  })
}
