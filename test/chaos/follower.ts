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
  rows: number
  losses: number
  duplicates: number
  regressions: number
  strays: number
}

/** A client of one gateway that subscribes to everything and comes back whenever its connection ends, as the protocol asks. */
export class Follower {
  readonly #t: TestContext
  readonly #port: number
  readonly #seen: Sightings = { connections: 0, rows: 0, losses: 0, duplicates: 0, regressions: 0, strays: 0 }
  #client: ProtocolClient | undefined
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
    return this.#client?.boards.get(this.#sid)
  }

  get sightings(): Sightings {
    const { rows = 0, losses = 0, duplicates = 0, regressions = 0, strays = 0 } = this.#client ?? {}
    const seen = this.#seen
    return {
      connections: seen.connections,
      rows: seen.rows + rows,
      losses: seen.losses + losses,
      duplicates: seen.duplicates + duplicates,
      regressions: seen.regressions + regressions,
      strays: seen.strays + strays
    }
  }

  async stop(): Promise<void> {
    this.#ended = true
    await this.#done
  }

  async #follow(): Promise<void> {
    while (!this.#ended) {
      // The gateway may be dead, or not ready yet.
      const client = await ProtocolClient.connect(this.#t, this.#port).catch(() => undefined)
      if (client !== undefined) await this.#stay(client)
      Object.assign(this.#seen, this.sightings)
      this.#client = undefined
      await delay(RECONNECT_MS)
    }
  }

  async #stay(client: ProtocolClient): Promise<void> {
    try {
      this.#sid = await client.subscribe({ patterns: ['*:*:*'], intervalMs: 100 })
    } catch {
      // It ended before it answered.
      client.socket.terminate()
      return
    }
    this.#client = client
    this.#seen.connections++
    for (let heard = performance.now(); client.closed === null && !this.#ended; await delay(POLL_MS)) {
      if (client.frames.splice(0).length > 0) heard = performance.now()
      else if (performance.now() - heard > SILENCE_MS) break
    }
    client.socket.terminate()
  }
}
