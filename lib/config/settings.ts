import type { TransporterSetting } from '../transport/transporter-setting.ts'
import type { TlsSetting } from './read-tls.ts'

/** Everything that the environment decides, read once by `moleculer.config.ts`. */
export interface Settings {
  /** The gateway's port; 0 takes a free one. */
  port: number
  transporter: TransporterSetting
  /** `sqlite:<file>` or `mysql://user:password@host:port/database`. */
  history: string
  /** `memory:` or `redis://[:password@]host:port/db`. */
  latest: string
  /** The broker that quotes are relayed to, `amqp://…` or `mqtt://…`; empty for none. */
  relay: string
  /** Services of this process by name, or null for all that the markets need. */
  services: string[] | null
  namespace: string
  logLevel: LogLevel
  /** The file with sources and watchlists. */
  configFile: string
  /** The file that changes the stream table; empty for the table as it is. */
  streamsFile: string
  /** The file that says who may use the gateway; empty for everybody. */
  accessFile: string
  /** Proxies whose `X-Forwarded-For` is believed, where the access file names none: addresses and CIDR ranges. */
  trustedProxies: string[]
  /** Null for a port without TLS. */
  tls: TlsSetting | null
  /** Proxy URLs with credentials, in order, as they were given; empty for direct egress. */
  proxies: string[]
  /** The host under which other machines reach the demo exchange of this process; empty keeps it on loopback. */
  advertise: string
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
