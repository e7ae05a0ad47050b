import type { TestContext } from 'node:test'
import { type Exchange, type ExchangeOptions, startExchange } from '../../lib/exchange/exchange.ts'

/** A demo exchange on a free port, closed after the test. */
export async function openExchange(t: TestContext, options: Partial<ExchangeOptions> = {}): Promise<Exchange> {
  const exchange = await startExchange(options)
  t.after(() => exchange.close())
  return exchange
}
