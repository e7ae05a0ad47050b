import { type DeadLetter, type DeadLetterPage, pageLimit } from './dead-letter.ts'
import type { TransportCounters } from './transport-counters.ts'

/** The dead letters of the in-process transporter: the newest 1000, and gone with the process. */
export class MemoryDeadLetters {
  readonly #letters: DeadLetter[] = []
  readonly #counters: TransportCounters
  #number = 0

  constructor(counters: TransportCounters) {
    this.#counters = counters
  }

  add(letter: Omit<DeadLetter, 'number'>): void {
    this.#letters.push({ number: ++this.#number, ...letter })
    if (this.#letters.length <= MAX_LETTERS) return
    this.#letters.shift()
    this.#counters.deadLettersDropped++
  }

  page(after: number, limit: number): DeadLetterPage {
    const letters = this.#letters.filter(letter => letter.number > after).slice(0, pageLimit(limit))
    return { count: this.#letters.length, letters }
  }
}

const MAX_LETTERS = 1_000
