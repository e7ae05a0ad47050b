import { MqttBroker } from './mqtt-broker.ts'
import type { RelayAddress } from './relay-address.ts'
import { SESSION_RELAY_DEFAULTS, SessionRelay, type SessionRelayOptions } from './session-relay.ts'

/**
 * Relays to a broker that speaks MQTT 5, as Mosquitto: to {@link mqttTopic} with QoS 1, retained where the URL says so. A quote that no
 * subscription matches, as far as the broker tells, is not confirmed, unless it is retained or the URL says `unroutable=drop`.
 *
 * A confirmation says that the broker has it; how long it keeps what for whom is the broker's: MQTT does not tell a publisher.
 */
export class MqttRelay extends SessionRelay {
  constructor(address: RelayAddress, options: Partial<SessionRelayOptions> = {}) {
    const { heartbeatS = SESSION_RELAY_DEFAULTS.heartbeatS } = options
    super(new MqttBroker(address, heartbeatS), { ...options, dropUnroutable: address.unroutable === 'drop' })
  }
}
