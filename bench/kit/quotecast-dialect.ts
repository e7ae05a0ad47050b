import { STREAM_PATH, SUBPROTOCOLS } from '../../lib/push/protocol.ts'
import type { Dialect } from './raw-client.ts'

/** What a client of the gateway says that wants one subscription. */
export function quotecastDialect(subscription: object): Dialect {
  return {
    path: STREAM_PATH,
    subprotocol: SUBPROTOCOLS.json,
    greet: text => ({ done: text.includes('"welcome"') }),
    subscribe: JSON.stringify({ type: 'subscribe', id: 1, subs: [subscription] }),
    isSubscribed: text => text.includes('"subscribed"')
  }
}
