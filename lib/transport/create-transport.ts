import type { Middleware, Transporters } from 'moleculer'
import type { StreamTransport } from './stream-control.ts'
import { streamMiddleware } from './stream-middleware.ts'
import type { GivenOptions } from './transport-options.ts'
import type { TransporterSetting } from './transporter-setting.ts'

/** What a broker needs for durable events. Both parts belong to one broker, whose options also say `disableBalancer: true`. */
export interface Transport {
  transporter: Transporters.Base & StreamTransport
  middleware: Middleware
}

/** Makes the transport that a setting names, and loads only that. */
export async function createTransport(setting: TransporterSetting, options: GivenOptions): Promise<Transport> {
  return { transporter: await createTransporter(setting, options), middleware: streamMiddleware() }
}

async function createTransporter(
  setting: TransporterSetting,
  options: GivenOptions
): Promise<Transport['transporter']> {
  if (setting.kind === 'memory') {
    const { MemoryTransporter } = await import('./memory-transporter.ts')
    return new MemoryTransporter(options)
  }
  const { JetStreamTransporter } = await import('./jetstream-transporter.ts')
  const { servers, user, password } = setting
  return new JetStreamTransporter({ servers, user, pass: password }, options)
}
