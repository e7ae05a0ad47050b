import type { TestContext } from 'node:test'
import { ServiceBroker } from 'moleculer'
import { CODECS, STREAMS } from '../../lib/buffer/streams.ts'
import { createTransport } from '../../lib/transport/create-transport.ts'
import type { TransporterSetting } from '../../lib/transport/transporter-setting.ts'
import { cleanUp } from './clean-up.ts'

/** A silent broker, not started yet, as the configuration makes one; stopped after the test. */
export async function makeBroker(
  t: TestContext,
  setting: TransporterSetting = { kind: 'memory' },
  nodeID = `test-${process.pid}-${Math.random().toString(36).slice(2)}`
): Promise<ServiceBroker> {
  const { transporter, middleware } = await createTransport(setting, { streams: STREAMS, codecs: CODECS })
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
