import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DeadLetter, type DeadLetterPage, pageLimit } from './dead-letter.ts'
import type { DeadLetters } from './stream-control.ts'
import type { TransportCounters } from './transport-counters.ts'

/** Letters that are kept at the most, with their events in memory or in files; beyond it the oldest goes. */
const MAX_LETTERS = 1_000
const FILE = /^(\d{12})\.letter$/

interface Kept {
  letter: DeadLetter
  /** Undefined where a file has it. */
  data: Buffer | undefined
}

/**
 * The dead letters of the in-process transporter. With a folder each is a file, on the disk before the event counts as settled: a
 * line of JSON with the circumstances, then the encoded event. Without one they end with the process.
 */
export class DeadLetterBox implements DeadLetters {
  readonly #folder: string | undefined
  readonly #counters: TransportCounters
  readonly #kept = new Map<number, Kept>()
  #number = 0
  #opened: Promise<void> | undefined

  constructor(folder: string | undefined, counters: TransportCounters) {
    this.#folder = folder
    this.#counters = counters
  }

  /** Resolves when the letter is kept. @throws Error when the disk does not take it; then nothing has changed. */
  async add(letter: Omit<DeadLetter, 'number'>, data: Buffer): Promise<void> {
    await this.#open()
    const numbered: DeadLetter = { number: ++this.#number, ...letter }
    if (this.#folder !== undefined) await writeLetter(this.#folder, numbered, data)
    this.#kept.set(numbered.number, { letter: numbered, data: this.#folder === undefined ? data : undefined })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size <= MAX_LETTERS || oldest === undefined) return
    await this.remove(oldest)
    this.#counters.deadLettersDropped++
  }

  async page(after: number, limit: number): Promise<DeadLetterPage> {
    await this.#open()
    const letters = [...this.#kept.values()].map(({ letter }) => letter).filter(({ number }) => number > after)
    return { count: this.#kept.size, letters: letters.slice(0, pageLimit(limit)) }
  }

  async read(number: number): Promise<{ letter: DeadLetter; data: Buffer } | undefined> {
    await this.#open()
    const kept = this.#kept.get(number)
    if (kept === undefined) return undefined
    if (kept.data !== undefined || this.#folder === undefined) return { letter: kept.letter, data: kept.data as Buffer }
    return readLetter(this.#folder, number)
  }

  async remove(number: number): Promise<boolean> {
    await this.#open()
    if (!this.#kept.has(number)) return false
    if (this.#folder !== undefined) await rm(fileOf(this.#folder, number), { force: true })
    return this.#kept.delete(number)
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
    if (this.#folder === undefined) return
    await mkdir(this.#folder, { recursive: true })
    const names = await readdir(this.#folder)
    const numbers = names.flatMap(name => FILE.exec(name)?.[1] ?? []).map(Number)
    for (const number of numbers.sort((a, b) => a - b)) {
      this.#number = number
      try {
        const { letter } = await readLetter(this.#folder, number)
        this.#kept.set(number, { letter, data: undefined })
      } catch {
        // It stays for a person to look at; its number is not given again.
        await rename(fileOf(this.#folder, number), `${fileOf(this.#folder, number)}.unreadable`)
        this.#counters.deadLettersDropped++
      }
    }
  }
}

function fileOf(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(12, '0')}.letter`)
}

/** Under another name until it is whole and on the disk. */
async function writeLetter(folder: string, letter: DeadLetter, data: Buffer): Promise<void> {
  const file = fileOf(folder, letter.number)
  const handle = await open(`${file}.new`, 'w', 0o600)
  try {
    await handle.write(`${JSON.stringify(letter)}\n`)
    await handle.write(data)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.new`, file)
}

async function readLetter(folder: string, number: number): Promise<{ letter: DeadLetter; data: Buffer }> {
  const content = await readFile(fileOf(folder, number))
  const end = content.indexOf('\n')
  return { letter: JSON.parse(content.toString('utf8', 0, end)) as DeadLetter, data: content.subarray(end + 1) }
}
