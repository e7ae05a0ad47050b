import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { combined } from '../../lib/exchange/payloads.ts'
import { StreamServer } from '../../lib/exchange/stream-server.ts'
import { wallClock } from '../../lib/quote/wall-clock.ts'
import { answerCalls, readTask } from '../kit/answer-calls.ts'
import { Latencies } from '../kit/statistics.ts'
import { sizeOfTime } from './send-time.ts'

/**
 * An exchange that sends one frame of the best bid and offer after the other, each at its own time, whatever becomes of them. The
 * demo exchange makes its events 20 ms at a time. The bid's size is the time of sending.
 */
export interface ExchangeTask {
  framesPerSecond: number
  symbols: number
}

/** How late frames were sent, in milliseconds. */
export interface Lateness {
  frames: number
  p50: number
  p99: number
}

const PING_MS = 20_000
/** What is slept on; nobody wakes it. */
const never = new Int32Array(new SharedArrayBuffer(4))

const { framesPerSecond, symbols } = readTask<ExchangeTask>()
const now = wallClock()
const streams = new StreamServer({ now: Date.now, pingIntervalMs: PING_MS, onSubscribed: () => undefined })
const server = createServer((_request, response) => response.writeHead(404).end())
server.on('upgrade', (request, socket, head) => streams.upgrade(request, socket, head))
server.listen(0, '127.0.0.1')
await once(server, 'listening')

let lateness = new Latencies()
const stepMs = 1_000 / framesPerSecond
const firstId = now()
const start = performance.now()
let sent = 0
answerCalls((server.address() as AddressInfo).port, {
  /** Since it was told last. */
  tell(): Lateness {
    const told = { frames: lateness.count, p50: lateness.percentile(0.5), p99: lateness.percentile(0.99) }
    lateness = new Latencies()
    return told
  }
})
setImmediate(pace)

/** Timers are of whole milliseconds, so that they would send frames in bunches; this sleeps to the microsecond, a frame at a time. */
function pace(): void {
  const waitMs = start + sent * stepMs - performance.now()
  if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs)
  for (let dueMs = start + sent * stepMs; dueMs <= performance.now(); dueMs = start + sent * stepMs) send(dueMs)
  setImmediate(pace)
}

function send(dueMs: number): void {
  const symbol = sent % symbols
  const name = `s${symbol}usdt@bookTicker`
  const cents = String(sent % 100).padStart(2, '0')
  const bid = `${60_000 + (sent % 997)}.${cents}000000`
  const frame = {
    u: firstId + sent,
    s: `S${symbol}USDT`,
    b: bid,
    B: sizeOfTime(now()),
    a: `60999.${cents}000000`,
    A: '1.50000000'
  }
  sent++
  if (streams.publish(name, combined(name, frame)) === 0) return
  lateness.add((performance.now() - dueMs) * 1_000)
}
