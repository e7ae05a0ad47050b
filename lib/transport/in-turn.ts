/** Runs what has the same name one after the other, in the order of the calls. Bounded by its callers. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>()

  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(work)
    const ended = turn.catch(() => undefined)
    this.#last.set(name, ended)
    void ended.then(() => {
      if (this.#last.get(name) === ended) this.#last.delete(name)
    })
    return turn
  }
}
