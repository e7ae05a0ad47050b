import type { Relay } from './relay.ts'
import { parseRelayUrl } from './relay-address.ts'
import type { SessionRelayOptions } from './session-relay.ts'

/**
 * Opens the relay to a broker at `amqp://user:password@host:port/vhost` or `mqtt://user:password@host:port` (`amqps:`, `mqtts:` for TLS);
 * only the client of that broker is loaded. @throws RelayError
 */
export async function openRelay(url: string, options: Partial<SessionRelayOptions> = {}): Promise<Relay> {
  const address = parseRelayUrl(url)
  if (address.kind === 'amqp') {
    const { AmqpRelay } = await import('./amqp-relay.ts')
    return new AmqpRelay(address, options).open()
  }
  const { MqttRelay } = await import('./mqtt-relay.ts')
  return new MqttRelay(address, options).open()
}
