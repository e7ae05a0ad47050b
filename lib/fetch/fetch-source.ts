import type { RestSource, Source } from '../sources/source.ts'
import { Endpoint } from './endpoint.ts'
import { Quarantine } from './quarantine.ts'
import { SourceHealth } from './source-health.ts'

export interface FetchSourceOptions {
  /** The source's name in the configuration. */
  name: string
  source: Source
  /** Finds the base URL. */
  resolve: () => Promise<string>
  /** Identities to spread over the egresses; empty for the honest default. */
  userAgents: readonly string[]
  /** Permits plain http to another host: for the bundled demo exchange. */
  allowHttp: boolean
}

/** One configured source with what a fetcher has learnt about it. */
export class FetchSource {
  readonly name: string
  readonly source: Source
  /** Undefined for a source that only streams. */
  readonly rest: RestSource | undefined
  readonly userAgents: readonly string[]
  readonly allowHttp: boolean
  readonly endpoint: Endpoint
  readonly quarantine = new Quarantine()
  readonly health: SourceHealth

  constructor({ name, source, resolve, userAgents, allowHttp }: FetchSourceOptions) {
    this.name = name
    this.source = source
    this.rest = source.rest
    this.userAgents = userAgents
    this.allowHttp = allowHttp
    this.endpoint = new Endpoint(resolve)
    this.health = new SourceHealth(name)
  }
}
