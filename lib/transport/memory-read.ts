import type { MemoryStream } from './memory-stream.ts'
import type { StoredEvent } from './stream-control.ts'

/** The first stored event behind a sequence, or undefined. */
export function nextOf(stream: MemoryStream, after: number): StoredEvent | undefined {
  const entry = stream.at(Math.max(after + 1, stream.firstSequence))
  if (entry === undefined) return undefined
  const { sequence, wallTime, data } = entry
  return { sequence, epoch: stream.epoch, time: wallTime, data }
}

/** The sequence behind which the events begin that were stored at a time, in microseconds, or later: a search by halves. */
export function sequenceBefore(stream: MemoryStream, time: number): number {
  let [low, high] = [stream.firstSequence, stream.lastSequence + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const entry = stream.at(middle)
    if (entry !== undefined && entry.wallTime < time) low = middle + 1
    else high = middle
  }
  return low - 1
}
