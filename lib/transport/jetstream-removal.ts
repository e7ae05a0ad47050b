import { transportError } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import { isAtLeast } from './server-version.ts'

/**
 * Older servers forget at every purge what any consumer of the stream has in hand, wherever that lies: it never comes again, whether
 * its handler fails or its node dies.
 */
const PURGES_ONLY_WHAT_IS_TOLD_SINCE = [2, 9, 15]
/** Removals at an older server at once. */
const LANES = 64

/** Removes events from streams, and nothing from what consumers have in hand beyond them. */
export class JetStreamRemoval {
  readonly #link: JetStreamLink
  readonly #streams: JetStreamStreams

  constructor(link: JetStreamLink, streams: JetStreamStreams) {
    this.#link = link
    this.#streams = streams
  }

  /** Whether the server removes any number of events at once; else each is a request. */
  get isAtOnce(): boolean {
    return isAtLeast(this.#link.connection.info?.version ?? '', PURGES_ONLY_WHAT_IS_TOLD_SINCE)
  }

  /**
   * Removes the events with sequences `from` to `upTo`, where `from` is the stream's first.
   * @param stream its name in the server
   * @returns how many there were
   * @throws TransportError `jetstream_unavailable` or `stream_refused`; some may be removed then, and nothing more will be
   */
  async remove(stream: string, from: number, upTo: number): Promise<number> {
    if (from > upTo) return 0
    try {
      if (!this.isAtOnce) return await this.#removeSingly(stream, from, upTo)
      return (await this.#link.manager.streams.purge(stream, { seq: upTo + 1 })).purged
    } catch (error) {
      throw transportError(`stream ${stream}, events up to ${upTo}`, error)
    }
  }

  async #removeSingly(stream: string, from: number, upTo: number): Promise<number> {
    let next = from
    let removed = 0
    const removeInTurn = async () => {
      try {
        while (next <= upTo) if (await this.#streams.remove(stream, next++)) removed++
      } finally {
        // One that fails ends the others as well.
        next = upTo + 1
      }
    }
    await Promise.all(Array.from({ length: LANES }, removeInTurn))
    return removed
  }
}
