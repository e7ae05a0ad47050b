import { DEFAULT_LIMITS, type PushLimits } from './limits.ts'

/** What may be changed while the gateway runs, and within what. The others are built into timers, rings and sockets at the start. */
export const CHANGEABLE_LIMITS = {
  connections: { min: 0, max: 1_000_000 },
  symbols: { min: 0, max: 1_000_000 },
  subscriptions: { min: 1, max: 10_000 },
  messagesPerSecond: { min: 1, max: 10_000 },
  messageBurst: { min: 1, max: 100_000 },
  requestsPerSecond: { min: 1, max: 10_000 },
  requestBurst: { min: 1, max: 100_000 },
  minIntervalMs: { min: 0, max: 60_000 },
  softBytes: { min: 1024, max: 64 * 1024 ** 2 },
  hardBytes: { min: 1024, max: 1024 ** 3 },
  hardForMs: { min: 100, max: 600_000 },
  replayRows: { min: 0, max: 100_000 }
} as const satisfies Partial<Record<keyof PushLimits, { min: number; max: number }>>

export type ChangeableLimit = keyof typeof CHANGEABLE_LIMITS

/** Those that are now what they were at the start, so that a part of the gateway may keep them. */
export type FixedLimits = Omit<PushLimits, ChangeableLimit>

/** One limit that is another one now. */
export interface LimitChange {
  limit: ChangeableLimit
  from: number
  to: number
}

/** A change that is refused as a whole. */
export class LimitError extends Error {
  readonly limit: string
  readonly expected: string
  readonly got: unknown

  constructor(limit: string, expected: string, got: unknown) {
    super(`${limit}: expected ${expected}, got ${JSON.stringify(got)}`)
    this.name = 'LimitError'
    this.limit = limit
    this.expected = expected
    this.got = got
  }
}

/** The limits in force. They are replaced as a whole, so whoever keeps them for longer than a moment asks again. */
export class LiveLimits {
  #current: PushLimits

  constructor(limits: Partial<PushLimits> = {}) {
    this.#current = Object.freeze({ ...DEFAULT_LIMITS, ...limits })
  }

  get current(): PushLimits {
    return this.#current
  }

  /**
   * Changes all of them or none. What was changed is lost at the next start.
   * @returns those that differ from before
   * @throws LimitError
   */
  change(changes: Readonly<Record<string, unknown>>): LimitChange[] {
    const checked = Object.entries(changes).map(([name, value]) => checkLimit(name, value))
    const next: PushLimits = { ...this.#current }
    for (const { limit, to } of checked) next[limit] = to
    if (next.softBytes > next.hardBytes)
      throw new LimitError('softBytes', `at most hardBytes, ${next.hardBytes}`, next.softBytes)
    if (next.minIntervalMs > next.maxIntervalMs)
      throw new LimitError('minIntervalMs', `at most maxIntervalMs, ${next.maxIntervalMs}`, next.minIntervalMs)
    const changed = checked
      .map(({ limit, to }) => ({ limit, from: this.#current[limit], to }))
      .filter(({ from, to }) => from !== to)
    if (changed.length > 0) this.#current = Object.freeze(next)
    return changed
  }
}

function checkLimit(name: string, value: unknown): { limit: ChangeableLimit; to: number } {
  if (!isChangeable(name))
    throw new LimitError(
      name.slice(0, 64),
      `a limit that may be changed: ${Object.keys(CHANGEABLE_LIMITS).join(', ')}`,
      value
    )
  const { min, max } = CHANGEABLE_LIMITS[name]
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
    throw new LimitError(name, `a whole number from ${min} to ${max}`, value)
  return { limit: name, to: value }
}

function isChangeable(name: string): name is ChangeableLimit {
  return Object.hasOwn(CHANGEABLE_LIMITS, name)
}
