import { Latencies } from '../kit/statistics.ts'

/** The parts of a quote's way, each from one time that is told to the next. */
export const HOPS = {
  socket: 'exchange sends -> feed has the frame',
  flush: 'feed has the frame -> it publishes the batch',
  publish: '  it publishes -> the stream stores',
  deliver: '  the stream stores -> the gateway has the frame',
  stream: 'feed publishes -> the gateway has the frame',
  push: 'the gateway has the frame -> a client has it',
  whole: 'feed has the frame -> a client has it'
} as const

export type HopName = keyof typeof HOPS

/** Milliseconds. */
export interface Hop {
  p50: number
  p99: number
  p999: number
  /** Below 0 it tells how far the clocks of two processes are apart. */
  least: number
}

/** What one hop took, added up. */
export class HopTally {
  readonly #latencies = new Latencies()
  #least = Number.POSITIVE_INFINITY

  add(micros: number): void {
    this.#latencies.add(micros)
    if (micros < this.#least) this.#least = micros
  }

  get count(): number {
    return this.#latencies.count
  }

  get hop(): Hop {
    return {
      p50: this.#latencies.percentile(0.5),
      p99: this.#latencies.percentile(0.99),
      p999: this.#latencies.percentile(0.999),
      least: this.#least / 1_000
    }
  }
}
