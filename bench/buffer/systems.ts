import { openMoleculerNats } from './moleculer-nats.ts'
import { COLUMNS, openPlainJetStream, ROWS } from './plain-jetstream.ts'
import { openQuotecast } from './quotecast.ts'
import { openRedisStreams } from './redis-streams.ts'
import type { Place, System } from './system.ts'

/** What is compared, by the names of the report. */
export const SYSTEMS = {
  quotecast: openQuotecast,
  'nats.js, same codec': place => openPlainJetStream(place, COLUMNS),
  'nats.js, JSON': place => openPlainJetStream(place, ROWS),
  'Redis Streams': openRedisStreams,
  'Moleculer NATS': openMoleculerNats
} as const satisfies Record<string, (place: Place) => Promise<System>>

export type SystemName = keyof typeof SYSTEMS
