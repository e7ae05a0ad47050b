import { type ChannelModel, connect, type Message, type Options } from 'amqplib'
import { cleanUp, type Scope } from '../kit/clean-up.ts'

/** A connection of the test's own to RabbitMQ. */
export async function connectAmqp(t: Scope, url: string): Promise<ChannelModel> {
  const connection = await connect(url)
  connection.on('error', () => undefined)
  cleanUp(t, () => connection.close().catch(() => undefined))
  return connection
}

/** Declares a durable queue and binds it to the relay's exchange. @returns what removes it. */
export async function bindQueue(
  t: Scope,
  url: string,
  queue: string,
  pattern = '#',
  options: Options.AssertQueue = {}
): Promise<void> {
  const connection = await connectAmqp(t, url)
  const channel = await connection.createChannel()
  await channel.assertExchange('quotes', 'topic', { durable: true })
  await channel.assertQueue(queue, { durable: true, ...options })
  await channel.bindQueue(queue, 'quotes', pattern)
  await channel.close()
}

export async function removeQueue(t: Scope, url: string, queue: string): Promise<void> {
  const connection = await connectAmqp(t, url)
  const channel = await connection.createChannel()
  await channel.deleteQueue(queue)
}

/** Reads a queue into a list, until the scope ends or the server does. */
export async function readQueue(t: Scope, url: string, queue: string): Promise<Message[]> {
  const connection = await connectAmqp(t, url)
  const channel = await connection.createChannel()
  const messages: Message[] = []
  await channel.consume(
    queue,
    message => {
      if (message !== null) messages.push(message)
    },
    { noAck: true }
  )
  return messages
}
