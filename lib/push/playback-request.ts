import type { Micros } from '../quote/quote.ts'
import type { FixedLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import type { RequestId } from './protocol.ts'

/** How fast history goes by: 1 as it happened, 0 stands still, `max` as fast as the client takes it. */
export type Speed = number | 'max'
export const MAX_SPEED = 10_000

/** Which part of history a client wants to see, and how fast. */
export interface PlaybackRequest {
  readonly time: Micros
  /** Null for now. */
  readonly until: Micros | null
  readonly speed: Speed
}

/** What is played, as clients are told it: `from` inclusive, `until` exclusive, by observed time. */
export interface PlaybackInfo {
  readonly from: Micros
  readonly until: Micros
  readonly speed: Speed
}

export function isSpeed(value: unknown): value is Speed {
  return value === 'max' || (typeof value === 'number' && value >= 0 && value <= MAX_SPEED)
}

/** What a request means at this moment. @throws MessageError 400 */
export function playbackOf(
  { time, until, speed }: PlaybackRequest,
  now: Micros,
  { playbackSpanMs }: FixedLimits,
  id: RequestId
): PlaybackInfo {
  if (time >= now) throw new MessageError(400, `since.time: expected a time before now=${now}, got ${time}`, id)
  const end = Math.min(until ?? now, now)
  if (end <= time) throw new MessageError(400, `since.until: expected a time after time=${time}, got ${end}`, id)
  const longest = playbackSpanMs * 1_000
  if (end - time > longest)
    throw new MessageError(400, `since: expected at most ${longest} microseconds, got ${end - time}`, id)
  return { from: time, until: end, speed }
}
