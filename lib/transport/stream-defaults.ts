import type { StreamSpec } from './stream-spec.ts'

/** A stream of the table as it may be given: its name, events and groups, and what shall differ from the defaults. */
export type GivenStream = Pick<StreamSpec, 'name' | 'events' | 'groups'> & Partial<StreamSpec>

export const STREAM_DEFAULTS = {
  retention: 'limits',
  maxAgeMs: 24 * 3600 * 1000,
  maxBytes: 256 * 1024 ** 2,
  keepMs: 0,
  /** Or `maxAgeMs` where that is less. */
  duplicateWindowMs: 120_000,
  maxAckPending: 256,
  ackWaitMs: 30_000,
  maxDeliver: 5,
  concurrency: 8
} as const satisfies Partial<StreamSpec>

/** Fills in what is not given. */
export function streamSpec(given: GivenStream): StreamSpec {
  const { maxAgeMs = STREAM_DEFAULTS.maxAgeMs } = given
  const duplicateWindowMs = Math.min(STREAM_DEFAULTS.duplicateWindowMs, maxAgeMs)
  return { ...STREAM_DEFAULTS, duplicateWindowMs, ...given }
}
