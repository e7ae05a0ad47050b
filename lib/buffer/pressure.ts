import type { PressureLevel } from '../quote/events.ts'

/** When a group counts as behind. */
export interface PressureLimits {
  /** Events that are not acknowledged. */
  warnLag: number
  highLag: number
  /** The used share of the stream's bytes. */
  warnFill: number
  highFill: number
}

export const PRESSURE_DEFAULTS = {
  warnLag: 2_000,
  highLag: 20_000,
  warnFill: 0.5,
  highFill: 0.8
} as const satisfies PressureLimits

/** A level ends only at this share of the limit that began it, so that it does not flicker. */
const RELEASE = 0.8

/** The level of a group from its lag and its stream's fill, given the level that it had. */
export function pressureLevel(
  previous: PressureLevel,
  lag: number,
  fill: number,
  limits: PressureLimits
): PressureLevel {
  const reaches = (lagLimit: number, fillLimit: number, held: boolean) => {
    const share = held ? RELEASE : 1
    return lag >= lagLimit * share || fill >= fillLimit * share
  }
  if (reaches(limits.highLag, limits.highFill, previous === 'high')) return 'high'
  return reaches(limits.warnLag, limits.warnFill, previous !== 'none') ? 'warn' : 'none'
}
