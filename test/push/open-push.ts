import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { Hub } from '../../lib/push/hub.ts'
import type { HubOptions } from '../../lib/push/hub-options.ts'
import { PushServer } from '../../lib/push/push-server.ts'
import { positionOf } from '../../lib/quote/position.ts'
import type { Quote } from '../../lib/quote/quote.ts'

/** A hub behind a real port, ready to serve, and a stream to feed it from. */
export interface Push {
  hub: Hub
  server: PushServer
  port: number
  /** Applies a batch as the next one of the stream. */
  feed(quotes: readonly Quote[]): void
  /** The server's ends of the open connections, in the order of their coming. */
  connections: Socket[]
}

export const EPOCH = 'E1'

export async function openPush(
  t: TestContext,
  options: Partial<HubOptions> = {},
  handle: RequestListener = (_request, response) => response.end('ok')
): Promise<Push> {
  const hub = new Hub({ node: 'test', isKnown: () => false, ...options })
  hub.board.restart(EPOCH, 0)
  hub.restart()
  const connections: Socket[] = []
  const server = await PushServer.open({
    hub,
    port: 0,
    host: '127.0.0.1',
    handle,
    onConnection(connection) {
      connections.push(connection)
      connection.once('close', () => connections.splice(connections.indexOf(connection), 1))
    }
  })
  t.after(() => server.close())
  let sequence = 0
  return {
    hub,
    server,
    port: server.port,
    connections,
    feed(quotes) {
      sequence++
      hub.apply(quotes.map((quote, index) => ({ quote, epoch: EPOCH, q: positionOf(sequence, index) })))
    }
  }
}
