import { residentKib } from './resident-kib.ts'

const EVERY_MS = 500

/** The resident memory of processes over time, in MiB. */
export class MemoryWatch {
  readonly #pids: () => ReadonlyMap<string, number>
  readonly #peaks = new Map<string, number>()
  readonly #timer: NodeJS.Timeout

  /** @param pids By the name in the report; asked every time, as processes may be started again. */
  constructor(pids: () => ReadonlyMap<string, number>) {
    this.#pids = pids
    this.#timer = setInterval(() => this.#look(), EVERY_MS)
    this.#look()
  }

  /** The greatest since the last call, by name. */
  takePeaks(): Map<string, number> {
    this.#look()
    const peaks = new Map(this.#peaks)
    this.#peaks.clear()
    return peaks
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    for (const [name, pid] of this.#pids()) {
      const kib = residentKib(pid)
      if (kib !== undefined) this.#peaks.set(name, Math.max(Math.round(kib / 1024), this.#peaks.get(name) ?? 0))
    }
  }
}
