import type { TestContext } from 'node:test'
import { QuoteClient, type QuoteClientError, type QuoteClientOptions, type StateChange } from '../../client/index.ts'
import { cleanUp } from '../kit/clean-up.ts'

/** A client that comes back at once, closed at the end of the test, with what it told. */
export function openClient(t: TestContext, urls: string | string[], options: QuoteClientOptions = {}) {
  const client = new QuoteClient(urls, { firstRetryMs: 1, maxRetryMs: 50, ...options })
  cleanUp(t, () => client.close())
  const states: StateChange[] = []
  const errors: QuoteClientError[] = []
  client.on('state', change => states.push(change))
  client.on('error', error => errors.push(error))
  return { client, states, errors }
}
