import { answerCalls, readTask, tell } from '../kit/answer-calls.ts'
import { type Broken, Continuity, type RowPlace } from '../kit/continuity.ts'
import { type Dialect, RawClient } from '../kit/raw-client.ts'
import { DIALECTS } from './dialects.ts'
import { groupDue } from './group-due.ts'
import { sharedMicros } from './shared-clock.ts'
import { type DueOf, Tally, writtenDue } from './tally.ts'
import type { CrowdTask, Received } from './task.ts'

/** All clients of a measurement. Some read what they get; what the others get is as many quotes per byte. */
const CONNECTING_AT_ONCE = 50
const TELL_MS = 2
const ALIVE_MS = 5_000
/** What a client may send at once. */
const RESYNCS = 18

const { load, form, dialect, port, originMicros, checked } = readTask<CrowdTask>()
const clients: RawClient[] = []
const reading: RawClient[] = []
const stalled = new Set<RawClient>()
/** Of each reader. */
const continuities: Continuity[] = []
const broken: Broken = { lost: 0, doubled: 0 }
/** Quotes that each reader received, from the beginning. */
const got: number[] = []
const readers = Math.ceil(load.clients / load.sampleEvery)
const tally = new Tally(load.watched === null ? readers : 0, dueTimes())
let begin = look()
let told = 0

answerCalls(null, {
  connect: () => inTurns(client => open(client).connected()),
  subscribe: async () => {
    await inTurns(client => clients[client]?.subscribed() ?? Promise.resolve())
    setInterval(tellSlowest, TELL_MS)
    if (checked) setInterval(sayAlive, ALIVE_MS)
  },
  stall,
  begin() {
    tally.clear()
    begin = look()
  },
  end
})

/** Lets so many of those that do not read stop to take what comes. What they ask for first fills the kernel's buffers at once. */
function stall(count: number): void {
  for (const [client, one] of clients.entries()) {
    if (stalled.size === count || client % load.sampleEvery !== 1) continue
    stalled.add(one)
    one.stall()
    for (let n = 0; n < RESYNCS; n++) one.say(JSON.stringify({ type: 'resync', id: n }))
  }
}

function sayAlive(): void {
  for (const client of clients) if (!stalled.has(client)) client.pong()
}

function open(client: number): RawClient {
  const reader = client % load.sampleEvery === 0 ? got.push(0) - 1 : null
  const words: Dialect = DIALECTS[dialect](load, form, client)
  const opened = new RawClient(port, words, reader === null ? null : text => read(reader, text))
  clients[client] = opened
  if (reader === null) return opened
  reading[reader] = opened
  continuities[reader] = new Continuity(broken)
  return opened
}

function read(reader: number, text: string): void {
  got[reader]! += tally.add(text, sharedMicros())
  if (checked) check(reader, text)
}

function check(reader: number, text: string): void {
  const { type, data } = JSON.parse(text) as { type: string; data: RowPlace[] }
  if (type !== 'quotes') return
  for (const row of data) continuities[reader]?.add(row)
}

/** How far the slowest reader is, for a publisher that goes as fast as clients receive. */
function tellSlowest(): void {
  const slowest = Math.min(...got)
  if (slowest === told) return
  told = slowest
  tell(slowest)
}

function end(): Received {
  const now = look()
  const bytes = now.bytes - begin.bytes
  const readBytes = now.readBytes - begin.readBytes
  return {
    ms: now.ms - begin.ms,
    bytes,
    quotes: Math.round((bytes * tally.quotes) / Math.max(1, readBytes)),
    quotesPerFrame: tally.quotes / tally.frames,
    ...tally.percentiles,
    broken
  }
}

function look(): { ms: number; bytes: number; readBytes: number } {
  return { ms: performance.now(), bytes: sumBytes(clients), readBytes: sumBytes(reading) }
}

function sumBytes(some: readonly RawClient[]): number {
  return some.reduce((sum, { bytes }) => sum + bytes, 0)
}

function dueTimes(): DueOf {
  if (load.watched === null || form === 'quotes') return null
  if (originMicros === null) return writtenDue
  return (text, received) => groupDue(text, received, load.intervalMs, originMicros)
}

async function inTurns(work: (client: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < load.clients) await work(next++)
  }
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, worker))
}
