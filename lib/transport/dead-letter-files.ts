import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeadLetter } from './dead-letter.ts'

const FILE = /^(\d{12})\.letter$/
/** Whatever has a number: the greatest is not given again. */
const NUMBERED = /^(\d{12})\.letter(?:\.unreadable)?$/
/** What a process that was killed had not finished: its event is still unsettled. */
const UNFINISHED = /^\d{12}\.letter\.new$/

/**
 * A folder of dead letters, one file each: a line of JSON with the circumstances, then the encoded event. The folder belongs to one
 * process at a time.
 */
export class DeadLetterFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder and removes unfinished files. @returns the numbers that are there, ascending, and the last that was given. */
  async open(): Promise<{ numbers: number[]; last: number }> {
    await mkdir(this.#folder, { recursive: true })
    const names = await readdir(this.#folder)
    for (const name of names) if (UNFINISHED.test(name)) await rm(join(this.#folder, name), { force: true })
    const numbersOf = (form: RegExp) => names.flatMap(name => form.exec(name)?.[1] ?? []).map(Number)
    return { numbers: numbersOf(FILE).sort((a, b) => a - b), last: Math.max(0, ...numbersOf(NUMBERED)) }
  }

  /** Resolves when the letter is whole on the disk, its name included. @throws Error when the disk does not take it; then it is not there. */
  async write(letter: DeadLetter, data: Buffer): Promise<void> {
    const file = this.#file(letter.number)
    try {
      const handle = await open(`${file}.new`, 'w', 0o600)
      try {
        // `handle.write` may take a part only, on a disk that is nearly full, and call that a success.
        await handle.writeFile(Buffer.concat([Buffer.from(`${JSON.stringify(letter)}\n`), data]))
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(`${file}.new`, file)
      await this.#syncFolder()
    } catch (error) {
      // Where even this fails, the next try writes over it: its number was not given away.
      await Promise.allSettled([`${file}.new`, file].map(left => rm(left, { force: true })))
      throw error
    }
  }

  /** @returns undefined when it is not there. @throws Error for a file that is not whole. */
  async read(number: number): Promise<{ letter: DeadLetter; data: Buffer } | undefined> {
    const content = await readFile(this.#file(number)).catch(ignoreMissing)
    if (content === undefined) return undefined
    const end = content.indexOf('\n')
    const letter = JSON.parse(content.toString('utf8', 0, end)) as DeadLetter
    const data = content.subarray(end + 1)
    if (data.length === letter.bytes) return { letter, data }
    throw new Error(`dead letter ${number}: expected an event of ${letter.bytes} bytes, got ${data.length}`)
  }

  async remove(number: number): Promise<void> {
    await rm(this.#file(number), { force: true })
  }

  /** Leaves a file that cannot be read to a person. */
  async setAside(number: number): Promise<void> {
    await rename(this.#file(number), `${this.#file(number)}.unreadable`)
  }

  /** A new name is on the disk only when its folder is. */
  async #syncFolder(): Promise<void> {
    const handle = await open(this.#folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  #file(number: number): string {
    return join(this.#folder, `${String(number).padStart(12, '0')}.letter`)
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
