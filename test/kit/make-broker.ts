import { ServiceBroker } from 'moleculer'
import { CODECS, STREAMS } from '../../lib/buffer/streams.ts'
import { createTransport } from '../../lib/transport/create-transport.ts'
import type { StreamSpec } from '../../lib/transport/stream-spec.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { cleanUp, type Scope } from './clean-up.ts'

export interface BrokerOptions {
  nodeID?: string
  /** The table that the other nodes of the system have. */
  streams?: readonly StreamSpec[]
}

/** A silent broker, not started yet, as the configuration makes one; stopped after the test. */
export async function makeBroker(
  t: Scope,
  setting: TransporterSetting = { kind: 'memory' },
  { nodeID = `test-${process.pid}-${Math.random().toString(36).slice(2)}`, streams = STREAMS }: BrokerOptions = {}
): Promise<ServiceBroker> {
  const { transporter, middleware } = await createTransport(setting, { streams, codecs: CODECS })
  const broker = new ServiceBroker({
    nodeID,
    logger: false,
    transporter,
    middlewares: [middleware],
    disableBalancer: true,
    requestTimeout: 10_000,
    registry: { stopDelay: 0 },
    skipProcessEventRegistration: true
  })
  cleanUp(t, () => broker.stop())
  return broker
}
