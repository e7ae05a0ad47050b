import { Tally } from './tally.ts'

/** What a feed has seen and done since it started. Frames by what they turned out to be; nothing is left out. */
export class FeedCounters {
  frames = 0
  quotes = 0
  /** Entries of a payload that could not become a quote, by code. */
  readonly refused = new Tally()
  /** Frames of no use here, by reason. */
  readonly ignored = new Tally()
  /** Refusals of the venue, by code. */
  readonly errors = new Tally()
  /** Frames that are none of this venue's, by reason. */
  readonly unreadable = new Tally()
  /** Shutdown notices of the venue. */
  shutdowns = 0
  connects = 0
  /** Attempts that ended before a connect, because the venue's address was not known. */
  unresolved = 0
  /** Ends of connections that were not ours, by reason. */
  readonly ends = new Tally()
  /** Connections that took over from one that was to close. */
  rotations = 0

  /** The counts as plain data. */
  read(): FeedCounts {
    const { frames, quotes, refused, ignored, errors, unreadable, shutdowns, connects, unresolved, ends, rotations } =
      this
    return {
      frames,
      quotes,
      refused: refused.read(),
      ignored: ignored.read(),
      errors: errors.read(),
      unreadable: unreadable.read(),
      shutdowns,
      connects,
      unresolved,
      ends: ends.read(),
      rotations
    }
  }
}

type Counts = Record<string, number>

export type FeedCounts = Record<'frames' | 'quotes' | 'shutdowns' | 'connects' | 'unresolved' | 'rotations', number> &
  Record<'refused' | 'ignored' | 'errors' | 'unreadable' | 'ends', Counts>
