import type { TestContext } from 'node:test'
import { connect, type JetStreamManager, type NatsConnection } from 'nats'
import { cleanUp } from '../kit/clean-up.ts'

export interface Admin {
  connection: NatsConnection
  manager: JetStreamManager
}

/** A connection of the test's own to a server, for what a person or another program would do there; closed after the test. */
export async function openAdmin(t: TestContext, server: string): Promise<Admin> {
  const connection = await connect({ servers: server, maxReconnectAttempts: -1, reconnectTimeWait: 50 })
  cleanUp(t, () => connection.close())
  return { connection, manager: await connection.jetstreamManager() }
}
