import type { SubscriptionInfo } from './protocol.ts'
import type { Subscription } from './session.ts'

/** What a client is told of one of its subscriptions. */
export function infoOf({ group, playback }: Subscription): SubscriptionInfo {
  const { keys, patterns, intervalMs, mode } = group.signature
  const { sid, matched, position: q, epoch } = group
  const info = { sid, keys: keys.length, patterns: patterns.length, matched, intervalMs, mode, epoch, q }
  return playback === undefined ? info : { ...info, replay: playback.info }
}
