import { setTimeout as delay } from 'node:timers/promises'
import { type ChannelModel, type ConfirmChannel, connect, type Message } from 'amqplib'
import type { Quote } from '../quote/quote.ts'
import { amqpMessageId } from './amqp-message-id.ts'
import type { Broker, BrokerSession, SessionEvents, Verdict } from './broker-session.ts'
import { QUOTE_CONTENT_TYPE, quoteBody } from './quote-body.ts'
import type { RelayAddress } from './relay-address.ts'
import { RelayError, type RelayErrorCode } from './relay-error.ts'
import { routingKey } from './routing-key.ts'

/** The topic exchange that quotes go to. */
export const EXCHANGE = 'quotes'

const CONNECT_MS = 5_000
/** A broker that does not answer a farewell by then is left without one. */
const CLOSE_MS = 1_000
/** AMQP sets no bound of its own. */
const MAX_UNCONFIRMED = 65_535

/** The reply codes of AMQP that tell more than that the connection ended. */
const CODES: Readonly<Record<number, RelayErrorCode>> = {
  403: 'denied',
  406: 'misdeclared',
  530: 'denied'
}

/** A broker that speaks AMQP 0-9-1, as RabbitMQ. */
export class AmqpBroker implements Broker {
  readonly name: string
  readonly #address: RelayAddress
  readonly #heartbeatS: number

  constructor(address: RelayAddress, heartbeatS: number) {
    this.#address = address
    this.#heartbeatS = heartbeatS
    this.name = `amqp://${address.host}:${address.port}`
  }

  check(key: string): void {
    routingKey(key)
  }

  async connect(events: SessionEvents): Promise<BrokerSession> {
    const { host, port, tls, user = 'guest', password = 'guest', vhost } = this.#address
    const where = {
      protocol: tls ? 'amqps' : 'amqp',
      hostname: host,
      port,
      username: user,
      password,
      vhost: encodeURIComponent(vhost),
      heartbeat: this.#heartbeatS
    }
    let connection: ChannelModel | undefined
    try {
      connection = await connect(where, { timeout: CONNECT_MS, noDelay: true })
      const session = new AmqpSession(this.name, connection, events)
      await session.open()
      return session
    } catch (error) {
      await connection?.close().catch(() => undefined)
      throw amqpError(this.name, error)
    }
  }
}

class AmqpSession implements BrokerSession {
  readonly maxUnconfirmed = MAX_UNCONFIRMED
  readonly #name: string
  readonly #connection: ChannelModel
  readonly #events: SessionEvents
  /** By message id: how many were returned whose confirmation is still to come. It follows at once. */
  readonly #returned = new Map<string, number>()
  /** Of the messages under way. */
  readonly #pending = new Set<(verdict: Verdict) => void>()
  #channel: ConfirmChannel | undefined
  #ended = false
  #closing = false
  #cause: unknown

  constructor(name: string, connection: ChannelModel, events: SessionEvents) {
    this.#name = name
    this.#connection = connection
    this.#events = events
    connection.on('error', error => this.#note(error))
    connection.on('close', error => this.#end(error))
  }

  async open(): Promise<void> {
    const channel = await this.#connection.createConfirmChannel()
    channel.on('error', error => this.#note(error))
    // Before the channel gives up what is unconfirmed: that is no refusal of the broker.
    channel.prependListener('close', () => this.#giveUp())
    channel.on('close', () => this.#end(undefined))
    channel.on('drain', () => this.#events.onWritable())
    channel.on('return', (message: Message) => this.#noteReturn(message))
    await channel.assertExchange(EXCHANGE, 'topic', { durable: true })
    // The broker may have ended the connection in the same breath.
    if (this.#ended) throw this.#cause ?? new Error('the connection ended while it was opened')
    this.#channel = channel
  }

  send(quote: Quote, settle: (verdict: Verdict) => void): boolean {
    if (this.#ended || this.#channel === undefined) {
      settle('lost')
      return true
    }
    const messageId = amqpMessageId(quote.id)
    const options = {
      mandatory: true,
      persistent: true,
      messageId,
      contentType: QUOTE_CONTENT_TYPE,
      type: 'quote',
      // AMQP counts in seconds.
      timestamp: Math.floor((quote.publishedTime || quote.receivedTime) / 1_000_000)
    }
    this.#pending.add(settle)
    const onConfirm = (error: unknown) => {
      const isReturned = this.#takeReturn(messageId)
      if (this.#ended) return
      this.#pending.delete(settle)
      if (error) settle('nacked')
      else settle(isReturned ? 'returned' : 'confirmed')
    }
    try {
      return this.#channel.publish(EXCHANGE, routingKey(quote.key), quoteBody(quote), options, onConfirm)
    } catch (error) {
      // It expects a confirmation of what it has not sent: from now on it would take one message for another.
      this.#end(error)
      return true
    }
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#giveUp()
    // It rejects when the connection ends meanwhile.
    const closed = this.#connection.close().catch(() => undefined)
    await Promise.race([closed, delay(CLOSE_MS, undefined, { ref: false })])
  }

  #noteReturn({ properties }: Message): void {
    const id = String(properties.messageId)
    this.#returned.set(id, (this.#returned.get(id) ?? 0) + 1)
  }

  /** A message is returned before it is confirmed. */
  #takeReturn(id: string): boolean {
    const count = this.#returned.get(id) ?? 0
    if (count > 1) this.#returned.set(id, count - 1)
    else this.#returned.delete(id)
    return count > 0
  }

  /** What comes from now on of the channel is of no message any more. */
  #giveUp(): void {
    this.#ended = true
    const pending = [...this.#pending]
    this.#pending.clear()
    for (const settle of pending) settle('lost')
  }

  #note(error: unknown): void {
    this.#cause ??= error
  }

  #end(error: unknown): void {
    this.#giveUp()
    if (error !== undefined) this.#note(error)
    if (this.#closing) return
    this.#closing = true
    // Where only the channel was closed, the connection is of no use any more.
    this.#connection.close().catch(() => undefined)
    // Else `open` rejects.
    if (this.#channel !== undefined) this.#events.onLost(amqpError(this.#name, this.#cause))
  }
}

/** Of an error of a handshake `amqplib` tells the reply code in its words only, and of a virtual host not even that. */
const HANDSHAKE = /^Handshake terminated by server: (\d{3})/
const VHOST_REFUSED = /^Expected ConnectionOpenOk; got <ConnectionClose/

/** The coded form of what `amqplib` says. */
function amqpError(name: string, cause: unknown): RelayError {
  const { message = 'the connection ended', code } = (cause ?? {}) as { message?: string; code?: unknown }
  if (VHOST_REFUSED.test(message)) return new RelayError('denied', `${name}: the virtual host was refused`, { cause })
  const known = CODES[typeof code === 'number' ? code : Number(HANDSHAKE.exec(message)?.[1])]
  return new RelayError(known ?? 'connection_lost', `${name}: ${message}`, { cause })
}
