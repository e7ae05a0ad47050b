/** Channels of a source's stream for some instruments: what a watchlist asks for. */
export interface Subscription {
  channels: readonly string[]
  keys: readonly string[]
}

/**
 * Spreads subscriptions over connections of at most `maxStreams` streams (a stream is one channel of one key). Each stream is
 * in exactly one shard however often it was asked for; all channels of a key share a shard where they fit into one.
 */
export function planShards(subscriptions: readonly Subscription[], maxStreams: number): Subscription[] {
  const channelsOfKey = new Map<string, Set<string>>()
  for (const { channels, keys } of subscriptions) {
    for (const key of keys) {
      const wanted = channelsOfKey.get(key) ?? new Set<string>()
      for (const channel of channels) wanted.add(channel)
      channelsOfKey.set(key, wanted)
    }
  }
  const groups = new Map<string, { channels: string[]; keys: string[] }>()
  for (const [key, wanted] of channelsOfKey) {
    const channels = [...wanted].sort()
    const name = channels.join('\n')
    const group = groups.get(name) ?? { channels, keys: [] }
    group.keys.push(key)
    groups.set(name, group)
  }
  return [...groups.values()].flatMap(group => cut(group, maxStreams))
}

function cut({ channels, keys }: Subscription, maxStreams: number): Subscription[] {
  const shards: Subscription[] = []
  for (const some of chunks(channels, maxStreams)) {
    for (const part of chunks(keys, Math.max(1, Math.floor(maxStreams / some.length)))) {
      shards.push({ channels: some, keys: part })
    }
  }
  return shards
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = []
  for (let begin = 0; begin < items.length; begin += size) parts.push(items.slice(begin, begin + size))
  return parts
}
