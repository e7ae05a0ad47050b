import type { Parameters } from './quote-query.ts'

/** `replay:time:until`: what was observed before `time` was shown of a part of history that ends before `until`. */
const EVENT_ID = /^replay:(\d{1,16}):(\d{1,16})$/
const NUMBER = /^\d{1,16}$/

/** How frames begin that tell a moment of history. */
const HEAD_BYTES = 160
const QUOTES_TIME = /^\{"type":"quotes".*?"time":(\d+)/
const PLAYED_TIME = /^\{"type":"played".*?"time":(\d+)/

/**
 * The ids of the events of a playback: moments of history, since its positions mean nothing to the next request. An `EventSource`
 * that comes back goes on with them.
 */
export class ReplayEventIds {
  /** Of the playback that the stream shows; null while it shows none. */
  #until: number | null = null

  /** The id of an event; empty when it has none, undefined when the stream shows no history. */
  of(type: string | undefined, payload: Buffer): string | undefined {
    if (type === 'subscribed') this.#until = untilOf(payload)
    if (this.#until === null) return undefined
    const pattern = type === 'quotes' ? QUOTES_TIME : PLAYED_TIME
    const time = pattern.exec(payload.toString('latin1', 0, HEAD_BYTES))?.[1]
    return time === undefined ? '' : `replay:${time}:${this.#until}`
  }
}

function untilOf(subscribed: Buffer): number | null {
  const { subs } = JSON.parse(subscribed.toString()) as { subs: { replay?: { until: number } }[] }
  return subs[0]?.replay?.until ?? null
}

/** Whether whoever sends this as `Last-Event-ID` has seen all. */
export function isPlayedOut(lastEventId: string | undefined): boolean {
  const [, time, until] = EVENT_ID.exec(lastEventId ?? '') ?? []
  return time !== undefined && Number(time) >= Number(until)
}

/**
 * The `since` of a request that plays history, from its beginning or from `Last-Event-ID`; undefined when it plays none. What the values
 * mean is checked as in a message.
 */
export function replaySinceOf(
  { since, until, speed = '1' }: Parameters,
  lastEventId: string | undefined
): { time: unknown; until: unknown; speed: unknown } | undefined {
  if (since === undefined) return undefined
  const [, time = since, end = until] = EVENT_ID.exec(lastEventId ?? '') ?? []
  return { time: numberOf(time), until: numberOf(end), speed: speed === 'max' ? speed : numberOf(speed) }
}

/** A number where the text is one; else the text, which is refused with what was expected. */
function numberOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  return NUMBER.test(value) || /^\d+\.\d+$/.test(value) ? Number(value) : value
}
