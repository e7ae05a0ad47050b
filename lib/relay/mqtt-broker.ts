import { connect, type IConnackPacket, type MqttClient, type Packet } from 'mqtt'
import type { Quote } from '../quote/quote.ts'
import type { Broker, BrokerSession, SessionEvents, Verdict } from './broker-session.ts'
import { mqttTopic } from './mqtt-topic.ts'
import { QUOTE_CONTENT_TYPE, quoteBody } from './quote-body.ts'
import type { RelayAddress } from './relay-address.ts'
import { RelayError } from './relay-error.ts'

const CONNECT_MS = 5_000
/** What MQTT takes when the broker names no bound. */
const RECEIVE_MAXIMUM = 65_535

/** Reason codes of MQTT 5. From this on they refuse. */
const FIRST_REFUSAL = 0x80
const NO_MATCHING_SUBSCRIBERS = 0x10
const BAD_USER_OR_PASSWORD = 0x86
const NOT_AUTHORIZED = 0x87

/** A broker that speaks MQTT 5, as Mosquitto. */
export class MqttBroker implements Broker {
  readonly name: string
  readonly #address: RelayAddress
  readonly #heartbeatS: number

  constructor(address: RelayAddress, heartbeatS: number) {
    this.#address = address
    this.#heartbeatS = heartbeatS
    this.name = `mqtt://${address.host}:${address.port}`
  }

  check(key: string): void {
    mqttTopic(key)
  }

  connect(events: SessionEvents): Promise<BrokerSession> {
    const { host, port, tls, user, password, retain } = this.#address
    const client = connect({
      protocol: tls ? 'mqtts' : 'mqtt',
      host,
      port,
      username: user,
      password,
      protocolVersion: 5,
      clean: true,
      keepalive: this.#heartbeatS,
      connectTimeout: CONNECT_MS,
      // The relay makes the next connection, and the stream keeps what is to be sent.
      reconnectPeriod: 0,
      resubscribe: false
    })
    return new Promise((resolve, reject) => {
      let cause: unknown
      client.on('error', error => {
        cause ??= error
      })
      const refuse = () => {
        client.end(true)
        reject(mqttError(this.name, cause))
      }
      client.once('error', refuse)
      client.once('close', refuse)
      client.once('connect', greeting => {
        client.off('error', refuse)
        client.off('close', refuse)
        resolve(new MqttSession({ client, greeting, events, retain, lose: () => mqttError(this.name, cause) }))
      })
    })
  }
}

interface MqttSessionOptions {
  client: MqttClient
  greeting: IConnackPacket
  events: SessionEvents
  retain: boolean
  /** Why the connection ended. */
  lose: () => RelayError
}

class MqttSession implements BrokerSession {
  readonly maxUnconfirmed: number
  readonly #client: MqttClient
  readonly #retain: boolean
  /** By message id of the protocol, at most `maxUnconfirmed`. */
  readonly #pending = new Map<number, (verdict: Verdict) => void>()
  #ended = false
  #closing = false

  constructor({ client, greeting, events, retain, lose }: MqttSessionOptions) {
    this.#client = client
    this.#retain = retain
    this.maxUnconfirmed = greeting.properties?.receiveMaximum ?? RECEIVE_MAXIMUM
    client.on('packetreceive', packet => this.#receive(packet))
    client.on('close', () => {
      this.#end()
      client.end(true)
      if (!this.#closing) events.onLost(lose())
      this.#closing = true
    })
  }

  send(quote: Quote, settle: (verdict: Verdict) => void): boolean {
    // What is given to a client that is not connected waits there.
    if (this.#ended || !this.#client.connected) {
      settle('lost')
      return true
    }
    this.#client.publish(mqttTopic(quote.key), quoteBody(quote), {
      qos: 1,
      retain: this.#retain,
      // No more of it: what a broker does not like as text would end the connection.
      properties: { contentType: QUOTE_CONTENT_TYPE }
    })
    this.#pending.set(this.#client.getLastMessageId(), settle)
    return true
  }

  async close(): Promise<void> {
    this.#closing = true
    this.#end()
    await this.#client.endAsync(true)
  }

  #receive(packet: Packet): void {
    if (packet.cmd !== 'puback' || packet.messageId === undefined) return
    const settle = this.#pending.get(packet.messageId)
    this.#pending.delete(packet.messageId)
    const { reasonCode = 0 } = packet
    if (reasonCode >= FIRST_REFUSAL) settle?.('nacked')
    // What the broker retains has a reader as soon as somebody subscribes.
    else settle?.(reasonCode === NO_MATCHING_SUBSCRIBERS && !this.#retain ? 'returned' : 'confirmed')
  }

  #end(): void {
    this.#ended = true
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const settle of pending) settle('lost')
  }
}

/** The coded form of what `mqtt` says. */
function mqttError(name: string, cause: unknown): RelayError {
  const { message = 'the connection ended', code } = (cause ?? {}) as { message?: string; code?: unknown }
  const denied = code === BAD_USER_OR_PASSWORD || code === NOT_AUTHORIZED
  return new RelayError(denied ? 'denied' : 'connection_lost', `${name}: ${message}`, { cause })
}
