import type { TestContext } from 'node:test'

type Work = () => unknown

/** What ends at some time: a test, or a benchmark. */
export type Scope = Pick<TestContext, 'after'>

const pending = new WeakMap<Scope, Work[]>()

/** Runs `work` after the test, the last registered first: what was started later may need what was started before. */
export function cleanUp(t: Scope, work: Work): void {
  const works = pending.get(t)
  if (works !== undefined) {
    works.push(work)
    return
  }
  const fresh = [work]
  pending.set(t, fresh)
  t.after(async () => {
    const errors: unknown[] = []
    for (let next = fresh.pop(); next !== undefined; next = fresh.pop()) {
      try {
        await next()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'cleaning up after the test failed')
  })
}
