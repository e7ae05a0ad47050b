import { sequenceOf } from '../../lib/quote/position.ts'
import { wallClock } from '../../lib/quote/wall-clock.ts'
import { answerCalls, readTask } from '../kit/answer-calls.ts'
import { type Broken, Continuity, type RowPlace } from '../kit/continuity.ts'
import { quotecastDialect } from '../kit/quotecast-dialect.ts'
import { RawClient } from '../kit/raw-client.ts'
import { type Hop, HopTally } from './hops.ts'
import { timeOfSize } from './send-time.ts'

/** Clients that want every quote at once. Some of them read what comes, the others count bytes. */
export interface ClientsTask {
  port: number
  clients: number
  /** Those that read, at most. */
  readers: number
}

/** A batch as some clients saw it: its sequence in the stream, and the times before and behind. */
export interface Sample {
  sequence: number
  publishedTime: number
  time: number
}

/** What the readers saw between two calls. */
export interface Seen extends Broken {
  rows: number
  frames: number
  hops: Record<'socket' | 'flush' | 'stream' | 'push' | 'whole', Hop>
  samples: Sample[]
}

interface Frame {
  type: string
  time: number
  data: (RowPlace & { bidSize: string; receivedTime: number; publishedTime: number })[]
}

/** One row of so many is a sample. */
const SAMPLE_EVERY = 251
const MAX_SAMPLES = 2_000
const ALIVE_MS = 10_000

const { port, clients, readers } = readTask<ClientsTask>()
const now = wallClock()
const dialect = quotecastDialect({
  patterns: ['*:*:*'],
  fields: ['bid', 'bidSize', 'ask', 'publishedTime'],
  intervalMs: 0,
  snapshot: false
})
const seen = begin()

const all = Array.from({ length: clients }, (_, place) => {
  const continuity = new Continuity(seen)
  return new RawClient(port, dialect, place < readers ? text => read(text, continuity) : null)
})
for (const client of all) {
  await client.connected()
  await client.subscribed()
}
setInterval(() => {
  for (const client of all) client.pong()
}, ALIVE_MS)
answerCalls(null, {
  begin() {
    const { lost, doubled } = seen
    Object.assign(seen, begin(), { lost, doubled })
  },
  end(): Seen {
    const { tallies, ...told } = seen
    const hops = Object.fromEntries(Object.entries(tallies).map(([name, tally]) => [name, tally.hop]))
    return { ...told, hops: hops as Seen['hops'] }
  }
})

function begin() {
  const tallies = {
    socket: new HopTally(),
    flush: new HopTally(),
    stream: new HopTally(),
    push: new HopTally(),
    whole: new HopTally()
  }
  return { tallies, rows: 0, frames: 0, lost: 0, doubled: 0, samples: [] as Sample[] }
}

function read(text: string, continuity: Continuity): void {
  const here = now()
  const { type, time, data } = JSON.parse(text) as Frame
  if (type !== 'quotes') return
  const { tallies, samples } = seen
  seen.frames++
  for (const row of data) {
    const { bidSize, receivedTime, publishedTime, q } = row
    tallies.socket.add(receivedTime - timeOfSize(bidSize))
    tallies.flush.add(publishedTime - receivedTime)
    tallies.stream.add(time - publishedTime)
    tallies.push.add(here - time)
    tallies.whole.add(here - receivedTime)
    continuity.add(row)
    if (seen.rows++ % SAMPLE_EVERY === 0 && samples.length < MAX_SAMPLES)
      samples.push({ sequence: sequenceOf(q), publishedTime, time })
  }
}
