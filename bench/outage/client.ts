import { WebSocket } from 'ws'
import { wallClock } from '../../lib/quote/wall-clock.ts'
import { answerCalls, readTask } from '../kit/answer-calls.ts'
import { Latencies } from '../kit/statistics.ts'

/** WebSocket clients that want every quote at once, and how old each is on arrival. */
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

const { port, clients } = readTask<{ port: number; clients: number }>()
const now = wallClock()
let latencies = new Latencies()
answerCalls(null, {
  /** Since it was told last. */
  tell(): Received {
    const told: Received = {
      rows: latencies.count,
      p50: latencies.percentile(0.5),
      p99: latencies.percentile(0.99),
      p999: latencies.percentile(0.999)
    }
    latencies = new Latencies()
    return told
  }
})

for (let client = 0; client < clients; client++) {
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
