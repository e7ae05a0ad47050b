import type { Scope } from '../../test/kit/clean-up.ts'

/** Of what ends with its process, by being killed. */
export const WHOLE_PROCESS: Scope = { after: () => undefined }

/** Runs work whose servers and processes end with it, whatever happens; the last started ends first. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = []
  const scope: Scope = { after: end => void ends.push(end as () => unknown) }
  try {
    return await work(scope)
  } finally {
    for (const end of ends.reverse()) await end()
  }
}
