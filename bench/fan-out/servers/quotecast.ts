import { Hub } from '../../../lib/push/hub.ts'
import { PushServer } from '../../../lib/push/push-server.ts'
import { positionOf } from '../../../lib/quote/position.ts'
import type { Quote } from '../../../lib/quote/quote.ts'
import type { Gateway } from './gateway.ts'

const EPOCH = 'bench'

/** The push engine and its port, as the gateway runs them; batches come from the publisher in place of the stream. */
export async function openQuotecast(): Promise<Gateway> {
  const hub = new Hub({ node: 'bench', isKnown: () => true })
  hub.board.restart(EPOCH, 0)
  hub.restart()
  const server = await PushServer.open({
    hub,
    port: 0,
    host: '127.0.0.1',
    handle: (_request, response) => response.end()
  })
  let sequence = 0
  return {
    port: server.port,
    counters: () => ({ ...hub.counters }),
    publish(_topic, text) {
      const quotes = JSON.parse(text) as Quote[]
      sequence++
      hub.apply(quotes.map((quote, index) => ({ quote, epoch: EPOCH, q: positionOf(sequence, index) })))
    }
  }
}
