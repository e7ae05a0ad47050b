import { AmqpBroker } from './amqp-broker.ts'
import type { RelayAddress } from './relay-address.ts'
import { SESSION_RELAY_DEFAULTS, SessionRelay, type SessionRelayOptions } from './session-relay.ts'

/**
 * Relays to a broker that speaks AMQP 0-9-1, as RabbitMQ: to the durable topic exchange `quotes`, which is made where it is missing, under
 * {@link routingKey}, persistent and confirmed. A quote for which no queue is bound is returned by the broker and not confirmed, unless the
 * URL says `unroutable=drop`.
 */
export class AmqpRelay extends SessionRelay {
  constructor(address: RelayAddress, options: Partial<SessionRelayOptions> = {}) {
    const { heartbeatS = SESSION_RELAY_DEFAULTS.heartbeatS } = options
    super(new AmqpBroker(address, heartbeatS), { ...options, dropUnroutable: address.unroutable === 'drop' })
  }
}
