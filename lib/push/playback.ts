import { randomBytes } from 'node:crypto'
import type { Micros, Quote } from '../quote/quote.ts'
import { BoardTable } from './board-table.ts'
import type { Clock } from './clock.ts'
import { FieldSet } from './field-set.ts'
import { Group } from './group.ts'
import type { FixedLimits } from './live-limits.ts'
import type { Member, Outlet } from './member.ts'
import { MessageError } from './message-error.ts'
import { PlaybackOpening } from './playback-opening.ts'
import { PlaybackOutlet } from './playback-outlet.ts'
import { PlaybackPace } from './playback-pace.ts'
import { PlaybackReader } from './playback-reader.ts'
import { HistoryUnreadable, type PlaybackReads } from './playback-reads.ts'
import type { PlaybackInfo, Speed } from './playback-request.ts'
import type { PlaybackTurns } from './playback-turns.ts'
import type { Played } from './protocol.ts'
import type { PushCounters } from './push-counters.ts'
import { ReplayRing } from './replay-ring.ts'
import { rowFormatOf } from './row-formats.ts'
import { type Signature, signatureId } from './signature.ts'

/** Quotes between two looks at the client and at the others who want to work. */
const SLICE = 128
/** Rows of a page of one instrument: what is read at once, however many or few there are. */
const MIN_PAGE_ROWS = 20
const MAX_PAGE_ROWS = 250

export interface PlaybackDeps {
  readonly clock: Clock
  readonly limits: FixedLimits
  readonly counters: PushCounters
  readonly reads: PlaybackReads
  readonly turns: PlaybackTurns
}

export interface PlaybackOptions {
  readonly signature: Signature
  readonly part: PlaybackInfo
  /** Whether what was shown before the part is looked for and sent. */
  readonly hasSnapshot: boolean
  readonly client: Outlet
  /** Told once that it has ended by itself, and how. */
  onPlayed(message: Played, error: unknown): void
}

/**
 * A part of history for one client. It is a small board and a group of one, fed from the store in place of the stream: so rows,
 * positions and frames are those of a live subscription. Its memory is bounded by its instruments and `playbackRows`.
 */
export class Playback {
  readonly group: Group
  readonly member: Member
  readonly #options: PlaybackOptions
  readonly #deps: PlaybackDeps
  readonly #board: BoardTable
  readonly #outlet: PlaybackOutlet
  readonly #pace: PlaybackPace
  readonly #ending = new AbortController()
  /** Microseconds of history that one frame covers; 0 where frames hold whatever is due. */
  readonly #interval: number
  /** Everything observed before it is on the board; what is sent next shows this moment. */
  #time: Micros
  /** The moment of the last frame: everything observed before it was sent. */
  #sent: Micros
  /** When what waits is to be sent; null while nothing does. */
  #tickAt: Micros | null = null
  #sinceTurn = 0
  /** Whether a snapshot was asked for before it had begun. */
  #isAskedFor = false

  constructor(options: PlaybackOptions, deps: PlaybackDeps) {
    this.#options = options
    this.#deps = deps
    const { signature, part, client } = options
    const { clock, counters, limits } = deps
    this.#time = part.from
    this.#sent = part.from
    this.#interval =
      signature.mode === 'all' && signature.intervalMs === 0 ? 0 : Math.max(1, signature.intervalMs) * 1_000
    this.#board = new BoardTable(counters)
    this.#board.restart(`replay:${randomBytes(9).toString('base64url')}`, 0)
    const sid = signatureId(signature, [this.#board.epoch, part.from, part.until, part.speed])
    this.group = new Group(sid, signature, new FieldSet(signature.fields, rowFormatOf(signature)), {
      board: this.#board,
      counters,
      snapshotRows: limits.snapshotRows,
      ring: new ReplayRing(0),
      nowMicros: () => this.#time,
      defer: clock.defer,
      // It flushes by the time of history.
      schedule: () => {}
    })
    this.#board.onEntry = entry => this.group.offer(entry)
    this.#outlet = new PlaybackOutlet(client)
    this.member = this.group.join(this.#outlet)
    this.#pace = new PlaybackPace(part, { clock, signal: this.#ending.signal, hasRoom: () => client.hasRoom(0) })
  }

  get info(): PlaybackInfo {
    return { ...this.#options.part, speed: this.#pace.speed }
  }

  change(speed: Speed): void {
    this.#pace.speed = speed
  }

  /** Sends a snapshot of the moment that is shown; once it has begun. */
  resync(): void {
    if (this.#board.isLive) this.member.restart()
    else this.#isAskedFor = true
  }

  /** There may be room again. */
  wake(): void {
    this.#pace.wake()
  }

  /** Plays to the end. Never rejects: whoever wants to know how it ended is told. */
  async play(): Promise<void> {
    let reason: unknown
    try {
      await this.#run()
    } catch (error) {
      reason = error
    }
    this.#end(reason)
  }

  /** Ends it because its client may not see all of it any more: of what waits nothing is sent. */
  forbid(): void {
    this.#end(new MessageError(403, 'outside of what you may see now', null))
  }

  /** Ends it without a word. Idempotent. */
  close(): void {
    this.#ending.abort()
    this.group.leave(this.member)
    this.group.release()
  }

  /** Nothing once it has ended. @param error why before its time; what waits is not sent then */
  #end(error: unknown): void {
    if (this.#ending.signal.aborted) return
    const { sid } = this.group
    const { safePosition: q } = this.member
    const reason = error === undefined ? undefined : reasonOf(error)
    this.close()
    const ended = { type: 'played', sid, q, time: this.#sent, rows: this.#outlet.rows } as const
    const code = reason && { code: reason.code, name: reason.codeName, message: reason.message }
    this.#options.onPlayed({ ...ended, ...code }, error)
  }

  async #run(): Promise<void> {
    try {
      const keys = await this.#pace.standing(() => this.#prepare())
      await this.#show(keys)
    } catch (error) {
      // What was read before is shown.
      if (error instanceof HistoryUnreadable && !this.#ending.signal.aborted) this.#send(this.#time)
      throw error
    }
  }

  /** Finds the instruments and shows what was shown of them at the beginning. @returns their keys */
  async #prepare(): Promise<string[]> {
    const { signature, part, hasSnapshot } = this.#options
    const opening = new PlaybackOpening(this.#deps, this.#ending.signal)
    const keys = await opening.keys(signature)
    for (const key of keys) this.#board.ensure(key)
    const before = hasSnapshot ? await opening.shownBefore(part.from, keys) : []
    await this.#pace.room()
    // In one go: positions are told of what was sent.
    for (const quote of before) this.#apply(quote)
    this.#time = part.from
    this.#board.isLive = true
    if (hasSnapshot || this.#isAskedFor) this.group.restart()
    return keys
  }

  async #show(keys: readonly string[]): Promise<void> {
    const { from, until } = this.#options.part
    const { reads, limits } = this.#deps
    const { signal } = this.#ending
    const pageRows = Math.floor(limits.playbackRows / Math.max(1, keys.length))
    const reader = new PlaybackReader({
      keys,
      from,
      until,
      pageRows: Math.min(MAX_PAGE_ROWS, Math.max(MIN_PAGE_ROWS, pageRows)),
      page: query => reads.read(history => history.page(query), signal)
    })
    let ahead = readAhead(reader)
    for (;;) {
      const now = ahead
      // What failed long ago may be there now.
      const quotes = await this.#pace.standing(() => (now.hasFailed ? reader.next() : now.quotes))
      if (quotes === undefined) break
      ahead = readAhead(reader)
      for (const quote of quotes) {
        if (this.#mustWait(quote)) await this.#reach(quote.observedTime)
        this.#take(quote)
        if (++this.#sinceTurn >= SLICE) await this.#turn()
      }
    }
    await this.#reach(until)
    await this.#flush(until)
  }

  #mustWait({ observedTime }: Quote): boolean {
    return (this.#tickAt !== null && observedTime >= this.#tickAt) || !this.#pace.isDue(observedTime)
  }

  /** Waits until a moment is due, and sends on the way what is to be sent before it. */
  async #reach(time: Micros): Promise<void> {
    if (this.#tickAt !== null && this.#tickAt <= time) {
      await this.#pace.reach(this.#tickAt)
      await this.#flush(this.#tickAt)
    }
    if (this.#interval === 0 && !this.#pace.isDue(time)) await this.#flush(this.#time)
    await this.#pace.reach(time)
  }

  #take(quote: Quote): void {
    const { observedTime } = quote
    this.#time = observedTime
    this.#apply(quote)
    if (this.#interval === 0 || this.#tickAt !== null) return
    const { from } = this.#options.part
    this.#tickAt = from + (Math.floor((observedTime - from) / this.#interval) + 1) * this.#interval
  }

  #apply(quote: Quote): void {
    this.#board.position++
    this.#board.apply({ quote, epoch: this.#board.epoch, q: this.#board.position })
  }

  /** Lets others and the client work, and sends what frames without an interval hold. */
  async #turn(): Promise<void> {
    this.#sinceTurn = 0
    await this.#deps.turns.next()
    this.#ending.signal.throwIfAborted()
    if (this.#interval === 0) await this.#flush(this.#time)
    // A group sends what is too much to wait for its interval.
    else await this.#pace.room()
  }

  async #flush(time: Micros): Promise<void> {
    await this.#pace.room()
    this.#send(time)
  }

  #send(time: Micros): void {
    this.#tickAt = null
    this.#time = time
    this.group.flush()
    this.#sent = time
  }
}

/** Reads while what was read before is shown; that it failed is looked at when it is needed. */
function readAhead(reader: PlaybackReader): { readonly quotes: Promise<Quote[] | undefined>; hasFailed: boolean } {
  const ahead = { quotes: reader.next(), hasFailed: false }
  ahead.quotes.catch(() => {
    ahead.hasFailed = true
  })
  return ahead
}

/** What a client is told of the error that has ended a playback. */
function reasonOf(error: unknown): MessageError {
  if (error instanceof MessageError) return error
  if (error instanceof HistoryUnreadable)
    return new MessageError(503, 'the history cannot be read now: go on from time', null)
  return new MessageError(500, 'the history cannot be played', null)
}
