/**
 * Where a source answers. Looked up when first needed and kept; looked up again after {@link Endpoint.doubt}, because
 * the demo exchange may have come back on another port.
 */
export class Endpoint {
  readonly #resolve: () => Promise<string>
  #found: Promise<string> | undefined

  constructor(resolve: () => Promise<string>) {
    this.#resolve = resolve
  }

  /** The base URL, without a trailing slash. A look-up that fails is repeated by the next call. */
  get(): Promise<string> {
    if (this.#found === undefined) {
      const found = this.#resolve().then(url => url.replace(/\/+$/, ''))
      found.catch(() => {
        if (this.#found === found) this.#found = undefined
      })
      this.#found = found
    }
    return this.#found
  }

  /** A connection failed there. */
  doubt(): void {
    this.#found = undefined
  }
}
