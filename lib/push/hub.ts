import type { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { Candidate } from '../quote/board.ts'
import type { SourceStatus } from '../quote/events.ts'
import { BoardTable } from './board-table.ts'
import { type Clock, systemClock } from './clock.ts'
import { Conversation } from './conversation.ts'
import { Flusher } from './flusher.ts'
import { GroupTable } from './group-table.ts'
import { Heartbeat } from './heartbeat.ts'
import { DEFAULT_LIMITS, type PushLimits } from './limits.ts'
import { MessageError } from './message-error.ts'
import { parseMessage } from './parse-message.ts'
import { type ErrorMessage, FEATURES, type ServerMessage } from './protocol.ts'
import { type PushCounters, zeroCounters } from './push-counters.ts'
import { Session } from './session.ts'
import { encodeTextFrame } from './websocket-frame.ts'

/** Between two looks at the clock while a batch is applied. */
const QUOTES_PER_LOOK = 256
/** Instruments and sources whose state is kept for clients that come later, at most. */
const MAX_STATUSES = 10_000
/** Connections that have not answered the close by then are cut. */
const CLOSE_WAIT_MS = 300

export interface HubOptions {
  /** The name of this gateway, told in the welcome. */
  node: string
  limits?: Partial<PushLimits>
  clock?: Clock
  /** From 0 to below 1. */
  random?: () => number
  /** Whether there is such an instrument, beyond those on the board. */
  isKnown: (key: string) => boolean
  /** Told of a valid key without a value that a client asked for. */
  onWanted?: (key: string) => void
  /** Told of a defect: a client's message that could not be answered. */
  onError?: (error: unknown) => void
}

/**
 * The push engine of one gateway: the board, the clients, and who gets what when. Quotes come in stream order through `apply`;
 * nothing is sent before the first `restart`.
 */
export class Hub {
  readonly board: BoardTable
  readonly counters: PushCounters = zeroCounters()
  readonly limits: PushLimits
  readonly #options: HubOptions
  readonly #clock: Clock
  readonly #random: () => number
  readonly #sessions = new Set<Session>()
  readonly #groups: GroupTable
  readonly #flusher: Flusher
  readonly #heartbeat: Heartbeat
  readonly #conversation: Conversation
  /** By scope and id: the sources and instruments that are not ok. */
  readonly #statuses = new Map<string, SourceStatus>()
  #isReady = false
  #onEmpty: (() => void) | null = null

  constructor(options: HubOptions) {
    this.#options = options
    this.limits = Object.freeze({ ...DEFAULT_LIMITS, ...options.limits })
    const clock = options.clock ?? systemClock
    this.#clock = clock
    this.#random = options.random ?? Math.random
    this.board = new BoardTable(this.counters)
    this.#flusher = new Flusher(clock, this.limits.maxIntervalMs)
    this.#groups = new GroupTable({
      board: this.board,
      counters: this.counters,
      snapshotRows: this.limits.snapshotRows,
      nowMicros: clock.nowMicros,
      defer: clock.defer,
      schedule: group => this.#flusher.schedule(group)
    })
    this.board.onEntry = entry => this.#groups.offer(entry)
    this.#heartbeat = new Heartbeat({
      clock,
      heartbeatMs: this.limits.heartbeatMs,
      sessions: this.#sessions,
      counters: this.counters,
      hasPositions: () => this.#isReady
    })
    this.#conversation = new Conversation({
      board: this.board,
      groups: this.#groups,
      limits: this.limits,
      isKnown: options.isKnown,
      onWanted: options.onWanted ?? (() => {}),
      isReady: () => this.#isReady
    })
  }

  /** Whether the board is complete, so that clients may be served. */
  get isReady(): boolean {
    return this.#isReady
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** The number of live signatures. */
  get groups(): number {
    return this.#groups.size
  }

  /** Takes over an accepted WebSocket and the connection under it. */
  attach(socket: WebSocket, connection: Duplex): void {
    const { counters, limits } = this
    const session = new Session(socket, connection, { clock: this.#clock, limits, counters, random: this.#random })
    this.#sessions.add(session)
    if (this.#sessions.size === 1) this.#heartbeat.start()
    counters.sessionsOpened++
    socket.on('message', (data, isBinary) => this.#receive(session, data, isBinary))
    socket.on('ping', () => this.#admit(session))
    // The close event follows; it is counted there.
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#sessions.delete(session)
      counters.sessionsClosed++
      this.#conversation.end(session)
      if (this.#sessions.size > 0) return
      this.#heartbeat.close()
      this.#onEmpty?.()
    })
    session.send({
      type: 'welcome',
      v: 1,
      session: session.id,
      node: this.#options.node,
      epoch: this.board.epoch,
      time: this.#clock.nowMicros(),
      heartbeatMs: limits.heartbeatMs,
      auth: 'none',
      limits: {
        symbols: limits.symbols,
        subscriptions: limits.subscriptions,
        messagesPerSecond: limits.messagesPerSecond,
        messageBytes: limits.messageBytes,
        minIntervalMs: limits.minIntervalMs,
        maxIntervalMs: limits.maxIntervalMs
      },
      features: FEATURES
    })
    for (const status of this.#statuses.values()) session.send(statusMessage(status))
  }

  /** Applies quotes in stream order; `position` moves with them. */
  apply(candidates: readonly Candidate[]): void {
    candidates.forEach((candidate, index) => {
      this.board.position = candidate.q
      this.board.apply(candidate)
      if (index % QUOTES_PER_LOOK === QUOTES_PER_LOOK - 1) this.#flusher.flushIfLate()
    })
  }

  /** Sends no rows and takes no subscriptions until `restart`. */
  pause(): void {
    this.#isReady = false
    this.board.isLive = false
    this.#flusher.pause()
  }

  /** The board is complete: serves clients, and gives those that are there a snapshot with the positions of the epoch. */
  restart(): void {
    this.#isReady = true
    this.board.isLive = true
    this.#flusher.restart()
    for (const group of this.#groups.values()) group.restart()
  }

  /** The sources and instruments that are not ok now. */
  get statuses(): SourceStatus[] {
    return [...this.#statuses.values()]
  }

  /** Tells every client, and those that come while it lasts, how a source or an instrument is doing. */
  sendStatus(status: SourceStatus): void {
    const name = `${status.scope} ${status.id}`
    this.#statuses.delete(name)
    if (status.state !== 'ok' && this.#statuses.size < MAX_STATUSES) this.#statuses.set(name, status)
    const frame = encodeTextFrame(JSON.stringify(statusMessage(status)))
    for (const session of this.#sessions) {
      if (session.hasRoom(frame.length)) session.write(frame, 0)
      else this.counters.statusesSkipped++
    }
  }

  /** Says `bye` to all clients and resolves when their connections are gone, in well under a second. */
  async close(): Promise<void> {
    this.pause()
    this.#flusher.close()
    if (this.#sessions.size === 0) return
    const empty = new Promise<void>(resolve => {
      this.#onEmpty = resolve
    })
    for (const session of this.#sessions) session.close('drain')
    const cancel = this.#clock.after(CLOSE_WAIT_MS, () => {
      for (const session of this.#sessions) session.terminate()
    })
    await empty
    cancel()
  }

  /** Takes a token for whatever a client sends. @returns false when it was one too many. */
  #admit(session: Session): boolean {
    const retryAfterMs = session.bucket.take(this.#clock.nowMs())
    if (retryAfterMs === 0) {
      session.refusals = 0
      return true
    }
    this.counters.messagesRateLimited++
    session.refusals++
    if (session.refusals > this.limits.refusals) {
      if (session.isOpen) this.counters.closedRate++
      session.close('rate')
    } else {
      const { messagesPerSecond } = this.limits
      this.#refuse(
        session,
        new MessageError(429, `expected at most ${messagesPerSecond} messages per second`, null, retryAfterMs)
      )
    }
    return false
  }

  #receive(session: Session, data: RawData, isBinary: boolean): void {
    if (!session.isOpen) return
    this.counters.messages++
    if (!this.#admit(session)) return
    try {
      if (isBinary) throw new MessageError(400, 'expected a text frame with JSON, got a binary frame', null)
      const message = parseMessage(data.toString())
      if (message === undefined) this.counters.messagesUnknown++
      else this.#conversation.answer(session, message)
    } catch (error) {
      if (error instanceof MessageError) {
        if (error.code === 400) this.counters.messagesBad++
        this.#refuse(session, error)
      } else {
        this.#options.onError?.(error)
        this.#refuse(session, new MessageError(500, 'the message could not be answered', null))
      }
    }
  }

  #refuse(session: Session, { id, code, codeName, message, retryAfterMs }: MessageError): void {
    const error: ErrorMessage = { type: 'error', id, code, name: codeName, message, retry: retryAfterMs !== undefined }
    session.send(retryAfterMs === undefined ? error : { ...error, retryAfterMs })
  }
}

function statusMessage({ scope, id, state, since }: SourceStatus): Extract<ServerMessage, { type: 'status' }> {
  return { type: 'status', scope, id, state, since }
}
