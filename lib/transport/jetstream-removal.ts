import { absentAs } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
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

  constructor(link: JetStreamLink) {
    this.#link = link
  }

  /** Whether the server removes any number of events at once; else each is a request. */
  get isAtOnce(): boolean {
    return isAtLeast(this.#link.connection.info?.version ?? '', PURGES_ONLY_WHAT_IS_TOLD_SINCE)
  }

  /**
   * Removes the events with sequences `from` to `upTo`, where `from` is the stream's first.
   * @param stream its name in the server
   * @returns how many there were
   */
  async remove(stream: string, from: number, upTo: number): Promise<number> {
    if (from > upTo) return 0
    const { streams } = this.#link.manager
    if (this.isAtOnce) return (await streams.purge(stream, { seq: upTo + 1 })).purged
    let next = from
    let removed = 0
    const removeInTurn = async () => {
      while (next <= upTo) {
        const isThere = await absentAs(streams.deleteMessage(stream, next++, false), 'message_missing')
        if (isThere === true) removed++
      }
    }
    await Promise.all(Array.from({ length: LANES }, removeInTurn))
    return removed
  }
}
