import { readFileSync, statSync } from 'node:fs'
import { readKeySet, type VerificationKey } from './verification-key.ts'

/** A file as far as {@link KeyFile} needs it. */
export interface WatchedFile {
  read(): string
  /** Differs whenever the content may have changed. */
  version(): string
}

/** Between two looks at the file. */
const LOOK_MS = 1000

/** The keys of a JWKS file, read again when it has changed, which is looked for at most once a second. */
export class KeyFile {
  readonly #file: WatchedFile
  readonly #onProblem: (problem: string) => void
  #keys: readonly VerificationKey[]
  #version: string
  #lookedMs: number
  #problem: string | null = null

  /** @param onProblem told once of each reason why the file cannot be read again. @throws Error when it cannot be read at first. */
  constructor(file: WatchedFile, nowMs: number, onProblem: (problem: string) => void = () => {}) {
    this.#file = file
    this.#onProblem = onProblem
    // Before the content: a change in between is seen at the next look.
    this.#version = file.version()
    this.#keys = readKeySet(file.read())
    this.#lookedMs = nowMs
  }

  /** The keys as they are now. While the file cannot be read, or is half written, the ones before. */
  keys(nowMs: number): readonly VerificationKey[] {
    if (nowMs - this.#lookedMs < LOOK_MS) return this.#keys
    this.#lookedMs = nowMs
    try {
      const version = this.#file.version()
      if (version === this.#version) return this.#keys
      this.#keys = readKeySet(this.#file.read())
      this.#version = version
      this.#problem = null
    } catch (error) {
      const { message } = error as Error
      if (message !== this.#problem) this.#onProblem(message)
      this.#problem = message
    }
    return this.#keys
  }
}

/** A file of the disk; follows links, which secrets mounted by an orchestrator are. */
export function watchFile(path: string): WatchedFile {
  return {
    read: () => readFileSync(path, 'utf8'),
    version() {
      const { mtimeMs, size, ino } = statSync(path)
      return `${mtimeMs} ${size} ${ino}`
    }
  }
}
