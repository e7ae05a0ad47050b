import { type DeadLetter, type DeadLetterPage, pageLimit } from './dead-letter.ts'
import { DeadLetterFiles } from './dead-letter-files.ts'
import type { DeadLetters } from './stream-control.ts'
import type { TransportCounters } from './transport-counters.ts'

/** What is kept at the most, as the server's stream of dead letters has it; beyond it the oldest goes. */
export const DEAD_LETTER_LIMITS = { letters: 1_000, bytes: 256 * 1024 ** 2 } as const

export type DeadLetterLimits = Record<keyof typeof DEAD_LETTER_LIMITS, number>

interface Kept {
  letter: DeadLetter
  /** Undefined where a file has it. */
  data: Buffer | undefined
}

/**
 * The dead letters of the in-process transporter. With a folder each is a file, on the disk before the event counts as settled.
 * Without one they end with the process.
 */
export class DeadLetterBox implements DeadLetters {
  readonly #files: DeadLetterFiles | undefined
  readonly #counters: TransportCounters
  readonly #limits: DeadLetterLimits
  /** In the order of their numbers. */
  readonly #kept = new Map<number, Kept>()
  #number = 0
  #bytes = 0
  #opened: Promise<void> | undefined
  /** The last add, however it ends: one after the other, so that numbers ascend and a refused one is given again. */
  #adding: Promise<unknown> = Promise.resolve()

  constructor(folder: string | undefined, counters: TransportCounters, limits: DeadLetterLimits = DEAD_LETTER_LIMITS) {
    this.#files = folder === undefined ? undefined : new DeadLetterFiles(folder)
    this.#counters = counters
    this.#limits = limits
  }

  /** Resolves when the letter is kept. @throws Error when the disk does not take it; then nothing has changed. */
  add(letter: Omit<DeadLetter, 'number'>, data: Buffer): Promise<void> {
    const added = this.#adding.then(() => this.#add(letter, data))
    this.#adding = added.catch(() => undefined)
    return added
  }

  async page(after: number, limit: number): Promise<DeadLetterPage> {
    await this.#open()
    const letters = [...this.#kept.values()].map(({ letter }) => letter).filter(({ number }) => number > after)
    return { count: this.#kept.size, letters: letters.slice(0, pageLimit(limit)) }
  }

  async read(number: number): Promise<{ letter: DeadLetter; data: Buffer } | undefined> {
    await this.#open()
    const kept = this.#kept.get(number)
    if (kept?.data !== undefined) return { letter: kept.letter, data: kept.data }
    return kept === undefined ? undefined : this.#files?.read(number)
  }

  async remove(number: number): Promise<boolean> {
    await this.#open()
    if (!this.#kept.has(number)) return false
    await this.#files?.remove(number)
    const kept = this.#kept.get(number)
    this.#bytes -= kept?.letter.bytes ?? 0
    return this.#kept.delete(number)
  }

  async #add(letter: Omit<DeadLetter, 'number'>, data: Buffer): Promise<void> {
    await this.#open()
    const numbered: DeadLetter = { number: this.#number + 1, ...letter }
    await this.#files?.write(numbered, data)
    this.#number = numbered.number
    this.#keep(numbered, this.#files === undefined ? data : undefined)
    await this.#dropOldest()
  }

  #keep(letter: DeadLetter, data: Buffer | undefined): void {
    this.#kept.set(letter.number, { letter, data })
    this.#bytes += letter.bytes
  }

  async #dropOldest(): Promise<void> {
    const { letters, bytes } = this.#limits
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= letters && (this.#bytes <= bytes || this.#kept.size === 1)) return
      try {
        if (await this.remove(oldest)) this.#counters.deadLettersDropped++
      } catch {
        // The new letter is kept all the same. The oldest is tried again with the next one; until then the count is above the limit.
        return
      }
    }
  }

  /** Finds what an earlier process left. */
  #open(): Promise<void> {
    this.#opened ??= this.#load().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #load(): Promise<void> {
    if (this.#files === undefined) return
    const { numbers, last } = await this.#files.open()
    this.#number = last
    for (const number of numbers) {
      if (this.#kept.has(number)) continue
      try {
        const found = await this.#files.read(number)
        if (found !== undefined) this.#keep(found.letter, undefined)
      } catch {
        // It stays for a person to look at; its number is not given again.
        await this.#files.setAside(number)
        this.#counters.deadLettersDropped++
      }
    }
  }
}
