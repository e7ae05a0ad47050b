/** What a client reads of a row to know whether it lacks something. */
export interface RowPlace {
  key: string
  q: number
  p: number
}

/** Rows of several clients that told of a loss or came twice, by the protocol's rule of `q` and `p`. */
export interface Broken {
  lost: number
  doubled: number
}

/** The positions that one client has of one subscription's instruments. */
export class Continuity {
  readonly #have = new Map<string, number>()
  readonly #broken: Broken

  /** @param broken Where breaches are counted. */
  constructor(broken: Broken) {
    this.#broken = broken
  }

  /** What a snapshot shows. */
  begin({ key, q }: Pick<RowPlace, 'key' | 'q'>): void {
    this.#have.set(key, q)
  }

  add({ key, q, p }: RowPlace): void {
    const have = this.#have.get(key)
    if (have !== undefined && q <= have) this.#broken.doubled++
    else if (have !== undefined && p > have) this.#broken.lost++
    this.#have.set(key, q)
  }

  /** Positions start anew. */
  clear(): void {
    this.#have.clear()
  }
}
