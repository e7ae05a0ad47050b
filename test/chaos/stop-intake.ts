import type { TestContext } from 'node:test'
import type { LocalCluster } from '../kit/local-cluster.ts'

/** Nothing new comes from the venue; what is under way is stored. */
export async function stopIntake(t: TestContext, { nodes }: LocalCluster): Promise<void> {
  for (const name of ['scheduler', 'feed', 'fetcher']) {
    const codes = await Promise.all((nodes[name] ?? []).map(node => node.stop()))
    t.diagnostic(`${name} ended with ${codes.join(', ')}`)
  }
}
