import { hash } from 'node:crypto'
import type { Micros } from './quote.ts'

/** What identifies one observation; the first that applies is used, in this order. */
export type Identity =
  /** The venue's sequence changes with every update of the channel. */
  | { sequence: string; seqKind?: string }
  /** The venue dates the update: its time and the values that came with it. */
  | { exchangeTime: Micros; values: readonly (string | null | undefined)[] }
  /** A scheduled fetch. */
  | { slot: Micros }
  /** Nothing to recognise it by: never collapses. */
  | { connection: string; counter: number }

/** The deterministic id of an observation: `key|channel|…`. Equal for a retry, a hedge, a second replica or a redelivery. */
export function quoteId(key: string, channel: string, identity: Identity): string {
  return `${key}|${channel}|${discriminator(identity)}`
}

function discriminator(identity: Identity): string {
  if ('sequence' in identity) return restarted(identity.seqKind) + identity.sequence
  if ('exchangeTime' in identity) return `${identity.exchangeTime}|${digest(identity.values)}`
  if ('slot' in identity) return String(identity.slot)
  return `${identity.connection}|${identity.counter}`
}

/** A sequence that started again repeats its numbers, so the restart becomes part of the id. */
function restarted(seqKind: string | undefined): string {
  const mark = seqKind?.indexOf('~') ?? -1
  return mark === -1 ? '' : `${seqKind?.slice(mark)}:`
}

function digest(values: readonly (string | null | undefined)[]): string {
  return hash('sha1', values.map(value => value ?? '').join('|'), 'base64url').slice(0, 16)
}
