import { connect, type IPublishPacket } from 'mqtt'
import { cleanUp, type Scope } from '../kit/clean-up.ts'
import type { Received } from './relay-suite.ts'

export interface Reader {
  packets: IPublishPacket[]
  received: Received[]
  /** From now on the broker keeps for it what comes, where it has a client id. */
  leave(): Promise<void>
}

/** Subscribes until the scope ends; under a client id, for good. */
export async function readTopics(t: Scope, url: string, topic = 'quotes/#', clientId?: string): Promise<Reader> {
  const session = clientId === undefined ? {} : { clientId, clean: false }
  const expiry = { sessionExpiryInterval: clientId === undefined ? 0 : 3600 }
  const client = connect(url, { protocolVersion: 5, reconnectPeriod: 0, properties: expiry, ...session })
  cleanUp(t, () => client.endAsync(true))
  const packets: IPublishPacket[] = []
  const received: Received[] = []
  // What was kept comes right behind the greeting.
  client.on('message', (_topic, payload, packet) => {
    packets.push(packet)
    const body = payload.toString()
    received.push({ id: JSON.parse(body).id, body })
  })
  await new Promise(resolve => client.once('connect', resolve))
  client.on('error', () => undefined)
  await client.subscribeAsync(topic, { qos: 1 })
  return { packets, received, leave: () => client.endAsync() }
}
