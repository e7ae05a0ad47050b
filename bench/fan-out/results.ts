import { median } from '../kit/statistics.ts'
import type { Measured } from './measure.ts'
import { QUOTECAST, type System } from './systems.ts'

/** The rounds of all systems under one load. */
export class Results {
  readonly #rounds = new Map<System, Measured[]>()

  add(system: System, measured: Measured): void {
    this.#rounds.set(system, [...(this.#rounds.get(system) ?? []), measured])
  }

  get systems(): System[] {
    return [...this.#rounds.keys()]
  }

  /** The median of a value over the rounds; NaN where there is none. */
  middle(system: System, value: (measured: Measured) => number): number {
    return median((this.#rounds.get(system) ?? []).map(value))
  }

  /** From the least to the greatest over the rounds. */
  spread(system: System, value: (measured: Measured) => number, digits: number): string {
    const values = (this.#rounds.get(system) ?? []).map(value)
    return `[${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)}]`
  }

  /** The least median of a value among the peers that get the quotes in this form. */
  bestPeer(form: 'quotes' | 'ticks', value: (measured: Measured) => number): { name: string; value: number } {
    const peers = this.systems
      .filter(system => system.form === form)
      .map(system => ({ name: system.name, value: this.middle(system, value) }))
    return peers.reduce((best, peer) => (peer.value < best.value ? peer : best), { name: 'none', value: Infinity })
  }

  /** A processor time per quote as a share of the least among the peers; 0 where there is no peer. */
  cpuRatio(form: 'quotes' | 'ticks', micros: (measured: Measured) => number): { ratio: number; peer: string } {
    const { name, value } = this.bestPeer(form, micros)
    return { ratio: Number((this.middle(QUOTECAST, micros) / value).toFixed(2)), peer: name }
  }
}

/** Of the server alone. */
export function serverCpu({ serverMicros }: Measured): number {
  return serverMicros
}

/** With what it takes to publish to it: the publisher makes the ticks for those that get them finished. */
export function wholeCpu({ serverMicros, publisherMicros }: Measured): number {
  return serverMicros + publisherMicros
}
