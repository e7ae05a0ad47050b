import type { Logger } from 'moleculer'
import type { NatsConnection } from 'nats'
import { JetStreamConsumers } from './jetstream-consumers.ts'
import { JetStreamControl } from './jetstream-control.ts'
import { JetStreamDeadLetters } from './jetstream-dead-letters.ts'
import { JetStreamLink } from './jetstream-link.ts'
import { JetStreamLooks } from './jetstream-looks.ts'
import { type JetStreamNames, jetStreamNames } from './jetstream-names.ts'
import { JetStreamOpener } from './jetstream-opener.ts'
import { JetStreamPublisher } from './jetstream-publisher.ts'
import { JetStreamRestorer } from './jetstream-restorer.ts'
import { JetStreamSetBacks } from './jetstream-set-backs.ts'
import { JetStreamStreams } from './jetstream-streams.ts'
import type { TransportCounters } from './transport-counters.ts'
import type { TransportOptions } from './transport-options.ts'

export interface SessionOptions {
  connection: NatsConnection
  /** Of all names and subjects. */
  prefix: string
  options: TransportOptions
  counters: TransportCounters
  logger: Logger
}

/** What exists only while connected. */
export interface JetStreamSession {
  link: JetStreamLink
  names: JetStreamNames
  opener: JetStreamOpener
  publisher: JetStreamPublisher
  deadLetters: JetStreamDeadLetters
  control: JetStreamControl
  /** All streams of the table, their durable consumers, and the dead letters. @throws TransportError */
  ensureAll(): Promise<void>
}

/** Puts together what works on one connection; asks the server nothing yet. */
export async function openSession(given: SessionOptions): Promise<JetStreamSession> {
  const { connection, prefix, options, counters, logger } = given
  const { streams: table, fsync } = options
  const link = await JetStreamLink.open(connection)
  const names = jetStreamNames(prefix)
  const streams = new JetStreamStreams(link, names, table)
  const setBacks = new JetStreamSetBacks(streams, names, counters)
  const consumers = new JetStreamConsumers({ link, names, streams, setBacks })
  const parts = { link, names, streams, setBacks, consumers, options, counters, logger, table, fsync }
  return {
    link,
    names,
    opener: new JetStreamOpener(parts),
    publisher: new JetStreamPublisher({ ...parts, restorer: new JetStreamRestorer(consumers) }),
    deadLetters: new JetStreamDeadLetters(link, names, streams),
    control: new JetStreamControl({ ...parts, looks: new JetStreamLooks(parts) }),
    async ensureAll() {
      await streams.ensureDeadLetters()
      for (const spec of table) await consumers.ensure(spec)
    }
  }
}
