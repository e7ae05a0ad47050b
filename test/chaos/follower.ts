import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { cleanUp } from '../kit/clean-up.ts'
import { type ClientBoard, ProtocolClient } from '../kit/protocol-client.ts'

/** The protocol's: a client reconnects when it heard nothing for so long. */
const SILENCE_MS = 5_000
const POLL_MS = 50
const RECONNECT_MS = 250

/** What a client counted over all its connections. */
export interface Sightings {
  connections: number
  /** Connections that went on with the session of the one before, and those of them that were given all that was missed. */
  resumed: number
  recovered: number
  rows: number
  losses: number
  duplicates: number
  regressions: number
  strays: number
}

/**
 * A client of one gateway that follows everything and comes back whenever its connection ends, as the protocol asks: it goes on with its
 * session where the gateway knows it, and begins anew where not.
 */
export class Follower {
  readonly #t: TestContext
  readonly #port: number
  /** What was counted before the session of `#client` began. */
  #before = { rows: 0, losses: 0, duplicates: 0, regressions: 0, strays: 0 }
  #connections = 0
  #resumed = 0
  #recovered = 0
  /** The connection in use, or the last one. */
  #client: ProtocolClient | undefined
  #isConnected = false
  #sid = ''
  #ended = false
  readonly #done: Promise<void>

  constructor(t: TestContext, port: number) {
    this.#t = t
    this.#port = port
    this.#done = this.#follow()
    cleanUp(t, () => this.stop())
  }

  /** What it holds now; undefined between two connections. */
  get board(): ClientBoard | undefined {
    return this.#isConnected ? this.#client?.boards.get(this.#sid) : undefined
  }

  get sightings(): Sightings {
    const { rows = 0, losses = 0, duplicates = 0, regressions = 0, strays = 0 } = this.#client ?? {}
    const before = this.#before
    return {
      connections: this.#connections,
      resumed: this.#resumed,
      recovered: this.#recovered,
      rows: before.rows + rows,
      losses: before.losses + losses,
      duplicates: before.duplicates + duplicates,
      regressions: before.regressions + regressions,
      strays: before.strays + strays
    }
  }

  async stop(): Promise<void> {
    this.#ended = true
    await this.#done
  }

  async #follow(): Promise<void> {
    for (; !this.#ended; await delay(RECONNECT_MS)) {
      // The gateway may be dead, or not ready yet, or end before it answers.
      const client = (await this.#resume().catch(() => undefined)) ?? (await this.#begin().catch(() => undefined))
      if (client === undefined) continue
      this.#connections++
      await this.#stay(client)
    }
  }

  /** Goes on with the session; undefined when there is none that the gateway knows. */
  async #resume(): Promise<ProtocolClient | undefined> {
    if (this.#client === undefined) return undefined
    const client = await ProtocolClient.resume(this.#t, this.#port, this.#client)
    const answer = client.of('resumed')[0]
    if (answer === undefined || answer.reason === 'unknown_session') {
      client.socket.terminate()
      return undefined
    }
    this.#client = client
    this.#resumed++
    if (answer.recovered === true) this.#recovered++
    return client
  }

  async #begin(): Promise<ProtocolClient> {
    const client = await ProtocolClient.connect(this.#t, this.#port)
    this.#sid = await client.subscribe({ patterns: ['*:*:*'], intervalMs: 100 })
    const { connections: _, resumed: _resumed, recovered: _recovered, ...before } = this.sightings
    this.#before = before
    this.#client = client
    return client
  }

  async #stay(client: ProtocolClient): Promise<void> {
    this.#isConnected = true
    for (let heard = performance.now(); client.closed === null && !this.#ended; await delay(POLL_MS)) {
      if (client.frames.splice(0).length > 0) heard = performance.now()
      else if (performance.now() - heard > SILENCE_MS) break
    }
    this.#isConnected = false
    client.socket.terminate()
  }
}
