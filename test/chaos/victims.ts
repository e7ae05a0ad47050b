import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../lib/exchange/random.ts'
import type { PrivateProcess } from '../kit/private-process.ts'

/** A process that may be killed, and what it counts as. */
export interface Victim {
  kind: string
  process: PrivateProcess
}

/** Kills processes with SIGKILL, starts them again, and counts both. */
export class Victims {
  readonly #all: readonly Victim[]
  readonly #random: Random
  readonly #kills = new Map<string, number>()

  constructor(all: readonly Victim[], random: Random) {
    this.#all = all
    this.#random = random
  }

  /** One process of each kind, in the order in which the kinds were given. */
  get oneOfEach(): Victim[] {
    return [...new Map(this.#all.map(victim => [victim.kind, victim])).values()]
  }

  /** Two different processes by chance. */
  twoAtRandom(): [Victim, Victim] {
    const count = this.#all.length
    const first = this.#random.below(count)
    const second = (first + 1 + this.#random.below(count - 1)) % count
    return [this.#all[first]!, this.#all[second]!]
  }

  /** Kills them at once, and starts them again together after a time. Resolves when they answer. */
  async kill(victims: readonly Victim[], downMs: number): Promise<void> {
    await Promise.all(
      victims.map(({ kind, process }) => {
        this.#kills.set(kind, (this.#kills.get(kind) ?? 0) + 1)
        return process.kill9()
      })
    )
    await delay(downMs)
    await Promise.all(victims.map(({ process }) => process.restart()))
  }

  /** `kind N, kind N, …` */
  get summary(): string {
    return [...this.#kills].map(([kind, count]) => `${kind} ${count}`).join(', ')
  }
}
