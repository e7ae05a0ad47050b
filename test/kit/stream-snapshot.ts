import { createInbox, Empty, type NatsConnection } from 'nats'

/** A stream with its consumers at one moment, as `nats stream backup` keeps it. */
export interface StreamSnapshot {
  config: { name: string }
  state: object
  chunks: readonly Uint8Array[]
}

const TIMEOUT_MS = 10_000

/** What `nats stream backup` does. The stream goes on meanwhile. */
export async function backUpStream(connection: NatsConnection, stream: string): Promise<StreamSnapshot> {
  return (await beginBackup(connection, stream))()
}

/** A backup that is under way: what is beyond about 12 MiB the server sends slowly, 100 KiB a second, until it is taken. @returns takes all. */
export async function beginBackup(connection: NatsConnection, stream: string): Promise<() => Promise<StreamSnapshot>> {
  const chunks: Uint8Array[] = []
  const [begun, taken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const ended = Promise.withResolvers<void>()
  const inbox = createInbox()
  connection.subscribe(inbox, {
    callback: (_error, message) => {
      if (message.data.length === 0) return ended.resolve()
      chunks.push(message.data.slice())
      begun.resolve()
      void taken.promise.then(() => message.respond(Empty))
    }
  })
  const { config, state } = await ask<StreamSnapshot>(
    connection,
    `$JS.API.STREAM.SNAPSHOT.${stream}`,
    JSON.stringify({ deliver_subject: inbox, chunk_size: 1024 })
  )
  await begun.promise
  return async () => {
    taken.resolve()
    await ended.promise
    return { config, state, chunks }
  }
}

/** What `nats stream restore` does: the server refuses it while there is a stream of that name. */
export async function restoreStream(
  connection: NatsConnection,
  { config, state, chunks }: StreamSnapshot
): Promise<void> {
  const subject = `$JS.API.STREAM.RESTORE.${config.name}`
  const { deliver_subject: to } = await ask<{ deliver_subject: string }>(
    connection,
    subject,
    JSON.stringify({ config, state })
  )
  for (const chunk of chunks) await connection.request(to, chunk, { timeout: TIMEOUT_MS })
  await ask(connection, to, Empty)
}

async function ask<T>(connection: NatsConnection, subject: string, data: string | Uint8Array): Promise<T> {
  const reply = await connection.request(subject, data, { timeout: TIMEOUT_MS })
  const answer = reply.json<T & { error?: { description: string } }>()
  if (answer.error !== undefined) throw new Error(`${subject}: ${answer.error.description}`)
  return answer
}
