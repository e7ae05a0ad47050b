import type { TestContext } from 'node:test'
import { EgressPool, type EgressPoolOptions } from '../../lib/egress/egress-pool.ts'
import type { EgressRequest } from '../../lib/egress/egress-request.ts'
import { parseProxies } from '../../lib/egress/parse-proxies.ts'

/** A pool over these proxy URLs that is closed after the test. */
export function openPool(
  t: TestContext,
  proxies: readonly string[] = [],
  options: Partial<EgressPoolOptions> = {}
): EgressPool {
  const pool = new EgressPool({
    proxies: parseProxies(proxies.join('\n')),
    userAgent: 'quotecast/test',
    now: () => Date.now() * 1_000,
    ...options
  })
  t.after(() => pool.close())
  return pool
}

/** A request without limits. */
export function get(url: string, options: Partial<EgressRequest> = {}): EgressRequest {
  return { source: 'venue', url, limits: [], cost: {}, userAgents: [], allowHttp: false, timeoutMs: 5_000, ...options }
}
