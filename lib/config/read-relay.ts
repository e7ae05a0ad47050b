import { relayUrlProblem } from '../relay/relay-address.ts'

/** Reads the URL of the broker to relay to, empty for none. @param refuse takes every mistake; secrets are not in it. */
export function readRelay(
  { AMQP_URL, MQTT_URL }: Readonly<Record<'AMQP_URL' | 'MQTT_URL', string>>,
  refuse: (problem: string) => void
): string {
  const amqpProblem = AMQP_URL === '' ? null : relayUrlProblem(AMQP_URL, 'amqp')
  const mqttProblem = MQTT_URL === '' ? null : relayUrlProblem(MQTT_URL, 'mqtt')
  if (amqpProblem !== null) refuse(`AMQP_URL: ${amqpProblem}`)
  if (mqttProblem !== null) refuse(`MQTT_URL: ${mqttProblem}`)
  // One group, one place in the stream: a broker that is away would have the other one get everything again and again.
  if (AMQP_URL !== '' && MQTT_URL !== '') refuse('AMQP_URL and MQTT_URL: expected one of them, got both')
  return AMQP_URL || MQTT_URL
}
