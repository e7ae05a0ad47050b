import type { Middleware, Transporters } from 'moleculer'
import { settingProblems } from './setting-problems.ts'
import type { StreamTransport } from './stream-control.ts'
import { type GivenStream, streamSpec } from './stream-defaults.ts'
import { streamMiddleware } from './stream-middleware.ts'
import type { GivenOptions } from './transport-options.ts'
import type { TransporterSetting } from './transporter-setting.ts'
import { parseTransporterUrl, TRANSPORTER_URL_FORM } from './transporter-url.ts'

/** What a broker needs for durable events. Both parts belong to one broker, whose options also say `disableBalancer: true`. */
export interface Transport {
  transporter: Transporters.Base & StreamTransport
  middleware: Middleware
}

/** The stream table, and what shall differ from the transporter's defaults. */
export type CreateOptions = Omit<GivenOptions, 'streams'> & { streams: readonly GivenStream[] }

/**
 * Makes the transport that a setting or a URL names, and loads only that. Nothing is connected yet.
 * @param where `memory:`, `nats://host,host2`, `tls://user:password@host`, or a {@link TransporterSetting}
 * @throws RangeError with everything that is wrong with the setting, or with the stream table.
 */
export async function createTransport(where: TransporterSetting | string, options: CreateOptions): Promise<Transport> {
  const setting = readSetting(where)
  const streams = options.streams.map(streamSpec)
  return { transporter: await createTransporter(setting, { ...options, streams }), middleware: streamMiddleware() }
}

function readSetting(where: TransporterSetting | string): TransporterSetting {
  const setting = typeof where === 'string' ? parseTransporterUrl(where) : where
  if (setting === undefined) throw new RangeError(`expected ${TRANSPORTER_URL_FORM}, got something else`)
  const problems = settingProblems(setting)
  if (problems.length === 0) return setting
  throw new RangeError(problems.map(({ field, problem }) => `${field}: ${problem}`).join('; '))
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
  const { connectionOptions } = await import('./connection-options.ts')
  return new JetStreamTransporter(connectionOptions(setting), options)
}
