import type { ServiceBroker } from 'moleculer'
import { type SourceConfig, usesDemo } from '../lib/config/markets.ts'
import type { Source } from '../lib/sources/source.ts'

/** Base URLs of a source; null for what it does not offer. */
export interface Endpoints {
  rest: string | null
  stream: string | null
}

/** The demo exchange starts beside the others; nobody should lose a slot by looking too seldom. */
const POLL_MS = 20

/** A look-up ends, so that nothing waits on behind a stopped broker; who needs the endpoints looks them up again. */
const WAIT_MS = 30_000

/** An exchange that was killed stays known for some seconds; what waits for its answer would miss the one that came back. */
const ANSWER_MS = 1_000

/**
 * Where a source answers: the URL of the configuration as it is, the venue's own for null, and for `demo` what the demo
 * exchange says, waiting for it for up to 30 s. Look up again after a failed connection: the demo exchange may have
 * come back on another port.
 */
export async function resolveEndpoints(
  broker: ServiceBroker,
  config: SourceConfig,
  source: Source
): Promise<Endpoints> {
  const demo = usesDemo(config) ? await askExchange(broker) : undefined
  return {
    rest: choose(config.rest, demo?.rest, source.rest?.baseUrl),
    stream: choose(config.stream, demo?.stream, source.stream?.baseUrl)
  }
}

async function askExchange(broker: ServiceBroker): Promise<{ rest: string; stream: string }> {
  await broker.waitForServices('exchange', WAIT_MS, POLL_MS)
  return broker.call<{ rest: string; stream: string }, undefined>('exchange.endpoints', undefined, {
    timeout: ANSWER_MS
  })
}

function choose(configured: string | null, demo: string | undefined, own: string | undefined): string | null {
  return (configured === 'demo' ? demo : configured) ?? own ?? null
}
