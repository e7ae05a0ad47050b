import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Row } from '../../client/index.ts'
import type { PrivateProcess } from '../kit/private-process.ts'
import { startNode } from '../kit/quotecast-node.ts'

/** The whole system in one process, with its demo market, whose prices never rest. */
export function startGateway(t: TestContext): Promise<PrivateProcess> {
  return startNode(t, '', {}, ({ dir }) => ({ HISTORY: `sqlite:${join(dir, 'history.db')}` }))
}

/** The rows by key as a board has them, without what belongs to the way they came. */
export function statesOf(rows: Iterable<Row>): Record<string, object> {
  return Object.fromEntries(Array.from(rows, ({ p: _p, n: _n, ...state }) => [state.key, state]))
}

/** What the gateway answers over REST. */
export async function askRest(port: number): Promise<Record<string, object>> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/quotes`)
  const { data } = (await answer.json()) as { data: Row[] }
  return statesOf(data)
}
