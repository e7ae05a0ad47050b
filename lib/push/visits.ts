import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * HTTP requests that are being answered, by names that mean nothing elsewhere: a call takes its name along, also where calls to the own
 * node go through the transporter, which carries no request. As many as there are open requests, at most.
 */
export class Visits {
  readonly #requests = new Map<string, IncomingMessage>()

  get size(): number {
    return this.#requests.size
  }

  /** @returns the request's name, good until the answer has ended */
  enter(request: IncomingMessage, response: ServerResponse): string {
    const name = randomUUID()
    this.#requests.set(name, request)
    response.once('close', () => this.#requests.delete(name))
    if (response.closed) this.#requests.delete(name)
    return name
  }

  /** Undefined for a name that is none of this gateway's. */
  find(name: unknown): IncomingMessage | undefined {
    return typeof name === 'string' ? this.#requests.get(name) : undefined
  }
}
