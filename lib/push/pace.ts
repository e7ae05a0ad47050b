import type { Signature } from './signature.ts'
import type { Progress, SlowClient } from './slow-client.ts'

/** The first step down leads at least here. */
const FIRST_STEP_MS = 100
/** All steps together lead at most to so many times what was asked for, or than the first step. */
const MAX_FACTOR = 10

/** How often a subscription of a slow client ticks at a level: at 0 as asked, then half as often with each, within the bounds. */
export function intervalAt(askedMs: number, level: number, maxIntervalMs: number): number {
  if (level === 0) return askedMs
  const doubled = Math.max(FIRST_STEP_MS * 2 ** (level - 1), askedMs * 2 ** level)
  return Math.min(maxIntervalMs, MAX_FACTOR * Math.max(FIRST_STEP_MS, askedMs), doubled)
}

/** How fast one subscription of a client goes, next to what was asked for. It goes with the subscription from group to group. */
export class Pace {
  readonly asked: Signature
  readonly askedSid: string
  /**
   * The sids that the client may know it by, the present one first: of the last step it may not have heard. No two subscriptions of a
   * client have one in common.
   */
  sids: readonly string[]
  readonly judge: SlowClient
  /** Steps below what was asked for. */
  level = 0
  /** The interval that the client was told last. */
  toldMs: number
  /** A step down that waits until there is room for what the client lacks. */
  isDue = false

  constructor(asked: Signature, askedSid: string, judge: SlowClient) {
    this.asked = asked
    this.askedSid = askedSid
    this.sids = [askedSid]
    this.judge = judge
    this.toldMs = asked.intervalMs
  }

  /** Goes on under another sid. */
  move(from: string, to: string): void {
    this.sids = [...new Set([to, from, this.askedSid])]
  }

  /** Begins at another level, in another group. */
  begin(level: number, beginning: Progress): void {
    this.level = level
    this.isDue = false
    this.judge.begin(beginning)
  }
}
