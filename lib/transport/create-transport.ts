import type { Middleware, Transporters } from 'moleculer'
import type { TransporterSetting } from '../config/settings.ts'
import { JetStreamTransporter } from './jetstream-transporter.ts'
import { MemoryTransporter } from './memory-transporter.ts'
import type { StreamTransport } from './stream-control.ts'
import { streamMiddleware } from './stream-middleware.ts'
import type { TransportOptions } from './transport-options.ts'

/** What a broker needs for durable events. Both parts belong to one broker, whose options also say `disableBalancer: true`. */
export interface Transport {
  transporter: Transporters.Base & StreamTransport
  middleware: Middleware
}

export function createTransport(setting: TransporterSetting, options?: Partial<TransportOptions>): Transport {
  return { transporter: createTransporter(setting, options), middleware: streamMiddleware() }
}

function createTransporter(setting: TransporterSetting, options?: Partial<TransportOptions>): Transport['transporter'] {
  if (setting.kind === 'memory') return new MemoryTransporter(options)
  const { servers, user, password } = setting
  return new JetStreamTransporter({ servers, user, pass: password }, options)
}
