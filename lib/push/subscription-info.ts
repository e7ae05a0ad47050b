import type { SubscriptionInfo } from './protocol.ts'
import { columnsOf } from './row-format.ts'
import type { Subscription } from './subscription.ts'

/** What a client is told of one of its subscriptions. */
export function infoOf({ group, playback }: Subscription): SubscriptionInfo {
  const { keys, patterns, fields, intervalMs, mode, rows } = group.signature
  const { sid, matched, position: q, epoch } = group
  const info = { sid, keys: keys.length, patterns: patterns.length, matched, intervalMs, mode, epoch, q }
  const cols = rows ? { cols: columnsOf(fields) } : {}
  return { ...info, ...cols, ...(playback === undefined ? {} : { replay: playback.info }) }
}
