import type { Source } from '../source.ts'
import { mapFrame } from './map-frame.ts'
import { mapResponse } from './map-response.ts'
import { plan, RAW_REQUESTS, REQUEST_WEIGHT, REST_CHANNELS } from './plan.ts'
import { STREAM_CHANNELS } from './stream-channels.ts'
import { subscribe } from './subscribe.ts'
import { symbolOf } from './symbols.ts'

/** Binance spot, by the hosts that serve market data only and need no key. */
export const binance: Source = {
  name: 'binance',
  symbolOf,
  rest: {
    channels: REST_CHANNELS,
    baseUrl: 'https://data-api.binance.vision',
    limits: [
      { name: REQUEST_WEIGHT, limit: 6_000, windowMs: 60_000, usedHeader: 'x-mbx-used-weight-1m' },
      { name: RAW_REQUESTS, limit: 61_000, windowMs: 300_000 }
    ],
    plan,
    mapResponse
  },
  stream: {
    channels: STREAM_CHANNELS,
    baseUrl: 'wss://data-stream.binance.vision',
    path: '/stream',
    maxStreams: 1_024,
    // Five messages a second, of which pongs count too.
    messageIntervalMs: 250,
    subscribe,
    mapFrame
  }
}
