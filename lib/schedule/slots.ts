import { hash } from 'node:crypto'
import type { Micros } from '../quote/quote.ts'
import type { Job } from './job.ts'

/**
 * When things are due, by one rule for all that schedule and fetch:
 *
 * - Slot k of a job is due at `phase + k * interval` of the wall clock. The phase is a hash of the job's name within
 *   the interval: it spreads jobs, and is the same for every scheduler and after every restart.
 * - A fetch may begin until its deadline, an interval after the slot (at least 1 s, at most 60 s: a tick lives 2
 *   minutes at the most). It then takes 2 s at the most, or half of that interval if this is more, up to 10 s. So a
 *   slow second overlaps with the next and loses no slot, and a one-second job has at most three fetches under way.
 * - A slot whose end is not known 1 s after that is missed.
 */
export const SHORTEST_WINDOW_MS = 1_000
export const LONGEST_WINDOW_MS = 60_000

const SHORTEST_FETCH_MS = 2_000
const LONGEST_FETCH_MS = 10_000
const GRACE_MS = 1_000

type Timing = Pick<Job, 'name' | 'intervalMs'>

/** The place of a job's slots within its interval. */
export function phaseOf({ name, intervalMs }: Timing): Micros {
  return (Number.parseInt(hash('sha1', name).slice(0, 12), 16) % intervalMs) * 1_000
}

/** The first slot of a job at or after a time. */
export function nextSlot(job: Timing, time: Micros): Micros {
  const interval = job.intervalMs * 1_000
  const phase = phaseOf(job)
  return phase + Math.ceil((time - phase) / interval) * interval
}

/** Until when the fetch of a slot may begin. */
export function deadlineOf({ intervalMs }: Timing, slot: Micros): Micros {
  return slot + Math.min(Math.max(intervalMs, SHORTEST_WINDOW_MS), LONGEST_WINDOW_MS) * 1_000
}

/** How long a fetch may take from its begin, in milliseconds. */
export function longestFetchMs({ slot, deadline }: { slot: Micros; deadline: Micros }): number {
  return Math.min(Math.max((deadline - slot) / 2_000, SHORTEST_FETCH_MS), LONGEST_FETCH_MS)
}

/** When a slot whose end is still unknown is missed. */
export function missedAfter(due: { slot: Micros; deadline: Micros }): Micros {
  return due.deadline + (longestFetchMs(due) + GRACE_MS) * 1_000
}
