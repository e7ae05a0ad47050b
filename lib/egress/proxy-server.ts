import { hash } from 'node:crypto'

export type ProxyScheme = 'http' | 'https'

/**
 * A proxy with its credentials. The password and what is derived from it are private fields: they appear in no JSON and
 * no output of `util.inspect`.
 */
export class ProxyServer {
  readonly scheme: ProxyScheme
  readonly host: string
  readonly port: number
  /**
   * Names the proxy in logs, quotes and counters, without credentials: `host:port`, numbered where several share it.
   */
  readonly label: string
  readonly #user: string
  readonly #password: string
  readonly #identity: string

  constructor({ scheme, host, port, user, password }: ProxyParts, ordinal: number) {
    this.scheme = scheme
    this.host = host
    this.port = port
    this.label = `${host.includes(':') ? `[${host}]` : host}:${port}${ordinal === 1 ? '' : `#${ordinal}`}`
    this.#user = user
    this.#password = password
    this.#identity = `${scheme}://${user}@${host}:${port}/${hash('sha256', password).slice(0, 16)}`
  }

  /** Scheme, host, port, user and a hash of the password: gateways often differ in credentials alone. */
  get identity(): string {
    return this.#identity
  }

  /** The value of the `Proxy-Authorization` header, or undefined for a proxy without credentials. */
  authorization(): string | undefined {
    if (this.#user === '' && this.#password === '') return undefined
    return `Basic ${Buffer.from(`${this.#user}:${this.#password}`).toString('base64')}`
  }
}

export interface ProxyParts {
  scheme: ProxyScheme
  host: string
  port: number
  user: string
  password: string
}
