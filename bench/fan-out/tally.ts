import { Latencies } from '../kit/statistics.ts'
import type { Percentiles, Received } from './task.ts'

const STAMP = '"receivedTime":'
const TIME = '"time":'
const DIGITS = 16
/** Quotes that not all clients have got yet, at most; those before are forgotten. */
const MAX_OPEN = 100_000

/** When a frame was due, from its text and the time it came; null where frames have no such time. */
export type DueOf = ((text: string, received: number) => number) | null

/** The due time that is written in the frame. */
export function writtenDue(text: string): number {
  return numberAfter(text, TIME, 0)
}

/** Adds up what the clients that read have received. */
export class Tally {
  /** Clients that get the same quotes; 0 when no two do. */
  readonly #readers: number
  readonly #dueOf: DueOf
  readonly #open = new Map<number, { first: number; got: number }>()
  #late = new Latencies()
  #age = new Latencies()
  #skew = new Latencies()
  #frames = 0

  constructor(readers: number, dueOf: DueOf) {
    this.#readers = readers
    this.#dueOf = dueOf
  }

  get quotes(): number {
    return this.#age.count
  }

  get frames(): number {
    return this.#frames
  }

  get percentiles(): Pick<Received, 'late' | 'age' | 'skew'> {
    return {
      late: percentilesOf(this.#late),
      age: percentilesOf(this.#age),
      skew: this.#skew.count === 0 ? null : percentilesOf(this.#skew)
    }
  }

  clear(): void {
    this.#late = new Latencies()
    this.#age = new Latencies()
    this.#skew = new Latencies()
    this.#frames = 0
  }

  /** One text that one client received. @returns the quotes in it. */
  add(text: string, received: number): number {
    let quotes = 0
    for (let at = text.indexOf(STAMP); at !== -1; at = text.indexOf(STAMP, at + DIGITS)) {
      const stamp = numberAfter(text, STAMP, at)
      this.#age.add(received - stamp)
      if (this.#dueOf === null) this.#late.add(received - stamp)
      this.#compare(stamp, received)
      quotes++
    }
    if (quotes === 0) return 0
    this.#frames++
    if (this.#dueOf !== null) this.#late.add(received - this.#dueOf(text, received))
    return quotes
  }

  /** The time from the first to the last client that gets the quote with this stamp. */
  #compare(stamp: number, received: number): void {
    if (this.#readers === 0) return
    const open = this.#open.get(stamp)
    if (open === undefined) {
      if (this.#open.size >= MAX_OPEN) this.#open.clear()
      this.#open.set(stamp, { first: received, got: 1 })
    } else if (++open.got === this.#readers) {
      this.#skew.add(received - open.first)
      this.#open.delete(stamp)
    }
  }
}

function numberAfter(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from) + mark.length
  return Number(text.slice(at, at + DIGITS))
}

function percentilesOf(latencies: Latencies): Percentiles {
  return {
    p50: latencies.percentile(0.5),
    p99: latencies.percentile(0.99),
    p999: latencies.percentile(0.999)
  }
}
