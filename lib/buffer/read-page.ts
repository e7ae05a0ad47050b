import { readEvents } from '../transport/replay.ts'
import type { StreamControl } from '../transport/stream-control.ts'

/** A stored event with what is in it. */
export interface ReadEvent {
  sequence: number
  /** Microseconds since the Unix epoch, when it was stored. */
  time: number
  /** Null, with the reason as payload, where it cannot be read. */
  event: string | null
  payload: unknown
}

export interface StoredPage {
  epoch: string
  events: ReadEvent[]
  /** To be given as `after` for the next page; null at the end, which is also where the stream was made anew meanwhile. */
  next: number | null
}

/** A page is one message: encoded bytes at which it ends, whatever the limit. As JSON by rows they are about three times as many. */
const PAGE_BYTES = 160 * 1024
const DEFAULT_LIMIT = 100

/** Events of a range of one epoch in order, as many as one answer holds, but at least one. */
export async function readPage(
  control: StreamControl,
  { epoch, ...range }: { stream: string; epoch: string; after: number; upTo: number },
  limit = DEFAULT_LIMIT
): Promise<StoredPage> {
  const events: ReadEvent[] = []
  let bytes = 0
  for await (const { sequence, time, data, ...event } of readEvents(control, range)) {
    if (event.epoch !== epoch) break
    if (events.length === limit || (events.length > 0 && bytes + data.length > PAGE_BYTES)) {
      return { epoch, events, next: events.at(-1)?.sequence ?? null }
    }
    bytes += data.length
    events.push({ sequence, time, ...decode(control, data) })
  }
  return { epoch, events, next: null }
}

function decode(control: StreamControl, data: Buffer): Pick<ReadEvent, 'event' | 'payload'> {
  try {
    return control.decode(data)
  } catch (error) {
    return { event: null, payload: (error as Error).message }
  }
}
