import type { Middleware, Transporters } from 'moleculer'
import type { TransporterSetting } from '../config/settings.ts'
import type { StreamTransport } from './stream-control.ts'
import { streamMiddleware } from './stream-middleware.ts'
import type { TransportOptions } from './transport-options.ts'

/** What a broker needs for durable events. Both parts belong to one broker, whose options also say `disableBalancer: true`. */
export interface Transport {
  transporter: Transporters.Base & StreamTransport
  middleware: Middleware
}

/** Makes the transport that a setting names, and loads only that. */
export async function createTransport(
  setting: TransporterSetting,
  options?: Partial<TransportOptions>
): Promise<Transport> {
  return { transporter: await createTransporter(setting, options), middleware: streamMiddleware() }
}

async function createTransporter(
  setting: TransporterSetting,
  options?: Partial<TransportOptions>
): Promise<Transport['transporter']> {
  if (setting.kind === 'memory') {
    const { MemoryTransporter } = await import('./memory-transporter.ts')
    return new MemoryTransporter(options)
  }
  const { JetStreamTransporter } = await import('./jetstream-transporter.ts')
  const { servers, user, password } = setting
  return new JetStreamTransporter({ servers, user, pass: password }, options)
}
