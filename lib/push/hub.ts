import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { Access, OPEN_ACCESS } from '../access/access.ts'
import type { Candidate } from '../quote/board.ts'
import type { SourceStatus } from '../quote/events.ts'
import { Administration } from './administration.ts'
import { Authentication } from './authentication.ts'
import { BoardTable } from './board-table.ts'
import { type Clock, systemClock } from './clock.ts'
import { Conversation } from './conversation.ts'
import { Downgrader } from './downgrader.ts'
import { Draining } from './draining.ts'
import { ENCODINGS, type Encoding, encodingOf } from './encoding.ts'
import type { EventStream } from './event-stream.ts'
import { Flusher } from './flusher.ts'
import { Gate, type Visitor } from './gate.ts'
import { GroupTable } from './group-table.ts'
import { Heartbeat } from './heartbeat.ts'
import { Intake } from './intake.ts'
import { type Lag, lagOf } from './lag.ts'
import type { PushLimits } from './limits.ts'
import { LiveLimits } from './live-limits.ts'
import { type LoopDelay, SystemLoopDelay } from './loop-delay.ts'
import { MemorySessions } from './memory-sessions.ts'
import { Overload, type OverloadChange } from './overload.ts'
import type { PlaybackHistory } from './playback-history.ts'
import { Playbacks } from './playbacks.ts'
import type { ClientMessage } from './protocol.ts'
import { type PushCounters, zeroCounters } from './push-counters.ts'
import { ReplayRing } from './replay-ring.ts'
import { Resumer } from './resumer.ts'
import { rightsOf } from './rights.ts'
import { Session, type SessionConnection, type SessionDeps, type SessionOrigin, type SessionSocket } from './session.ts'
import { SessionKeeper } from './session-keeper.ts'
import type { SessionStore } from './session-store.ts'
import { StatusBoard } from './status-board.ts'
import { Stretch } from './stretch.ts'
import { Subscriber } from './subscriber.ts'
import { welcomeOf } from './welcome.ts'

/** Between two looks at the clock while a batch is applied. */
const QUOTES_PER_LOOK = 256
/** A gateway that is behind another one catches up within this time, or is not waited for. */
const REACH_MS = 2_000
const REACH_STEP_MS = 5
/** Connections that have not answered the close by then are cut. */
const CLOSE_WAIT_MS = 300

export interface HubOptions {
  /** The name of this gateway, told in the welcome. */
  node: string
  limits?: Partial<PushLimits>
  /** Who may connect and see what; everybody and everything when absent. */
  access?: Access
  clock?: Clock
  /** From 0 to below 1. */
  random?: () => number
  /** Whether there is such an instrument, beyond those on the board. */
  isKnown: (key: string) => boolean
  /** Told of a valid key without a value that a client asked for. */
  onWanted?: (key: string) => void
  /** Where sessions are kept for clients that come back; in this process when absent. */
  sessions?: SessionStore
  /** What may be played; nothing when absent. */
  history?: PlaybackHistory
  /** Told of a defect: a client's message that could not be answered. */
  onError?: (error: unknown) => void
  /** How late this process is; its event loop's delay when absent. */
  loopDelay?: LoopDelay
  /** Told of every step of the overload ladder. */
  onOverload?: (change: OverloadChange) => void
}

/**
 * The push engine of one gateway: the board, the clients, and who gets what when. Quotes come in stream order through `apply`;
 * nothing is sent before the first `restart`.
 */
export class Hub {
  readonly board: BoardTable
  readonly counters: PushCounters = zeroCounters()
  readonly access: Access
  readonly gate: Gate
  readonly administration: Administration
  readonly overload: Overload
  readonly #options: HubOptions
  readonly #clock: Clock
  readonly #limits: LiveLimits
  readonly #sessionDeps: SessionDeps
  readonly #sessions = new Set<Session>()
  readonly #groups: GroupTable
  readonly #flusher: Flusher
  readonly #stretch: Stretch
  readonly #downgrader: Downgrader
  readonly #heartbeat: Heartbeat
  readonly #conversation: Conversation
  readonly #authentication: Authentication
  readonly #intake: Intake
  readonly #statuses: StatusBoard
  readonly #keeper: SessionKeeper
  readonly #ring: ReplayRing
  readonly #draining: Draining
  readonly #playbacks: Playbacks
  #isReady = false
  #onEmpty: (() => void) | null = null

  constructor(options: HubOptions) {
    this.#options = options
    const limits = new LiveLimits(options.limits)
    this.#limits = limits
    const clock = options.clock ?? systemClock
    this.#clock = clock
    this.access = options.access ?? new Access(OPEN_ACCESS, { now: clock.nowMicros })
    this.gate = new Gate(this.access, clock, limits, this.counters)
    this.board = new BoardTable(this.counters)
    this.#ring = new ReplayRing(this.limits.replayUpdates)
    this.board.onUpdate = (entry, touched) => this.#ring.add(entry, touched)
    this.#stretch = new Stretch(this.limits.maxIntervalMs)
    this.#flusher = new Flusher(clock, this.limits.maxIntervalMs, this.#stretch)
    this.#groups = new GroupTable({
      board: this.board,
      counters: this.counters,
      snapshotRows: this.limits.snapshotRows,
      ring: this.#ring,
      nowMicros: clock.nowMicros,
      defer: clock.defer,
      schedule: group => this.#flusher.schedule(group)
    })
    this.board.onEntry = entry => this.#groups.offer(entry)
    const { access, board, counters } = this
    const [sessions, groups] = [this.#sessions, this.#groups]
    this.#heartbeat = new Heartbeat({
      clock,
      heartbeatMs: this.limits.heartbeatMs,
      sessions,
      counters,
      hasPositions: () => this.#isReady,
      stretch: this.#stretch,
      onLook: nowMs => this.#downgrader.look(nowMs)
    })
    this.#statuses = new StatusBoard(sessions, counters)
    this.#draining = new Draining(sessions, clock)
    this.administration = new Administration({ sessions, board, limits, counters })
    const store = options.sessions ?? new MemorySessions(this.limits.resumeWindowMs, clock.nowMs)
    this.#keeper = new SessionKeeper({ store, sessions, clock, limits: this.limits, counters })
    const stretch = this.#stretch
    this.overload = new Overload({
      loopDelay: options.loopDelay ?? new SystemLoopDelay(),
      stretch,
      sessions,
      clock,
      limits: this.limits,
      counters,
      onChange: change => options.onOverload?.(change)
    })
    const isReady = () => this.#isReady
    const onChange = (session: Session) => this.#keeper.save(session)
    const reach = (q: number) => this.#reach(q)
    this.#downgrader = new Downgrader({ sessions, groups, stretch, clock, limits: this.limits, counters, onChange })
    const { random = Math.random } = options
    const pings = { clock, random, limits: this.limits }
    this.#sessionDeps = { clock, limits, counters, random, pings, onRoom: one => this.#downgrader.act(one) }
    const { isKnown, onWanted = () => {}, onError = () => {}, history = null } = options
    this.#playbacks = new Playbacks({ history, clock, limits: this.limits, counters, onError })
    const playbacks = this.#playbacks
    const subscriber = new Subscriber({
      board,
      groups,
      clock,
      limits,
      playbacks,
      isKnown,
      onWanted,
      isReady,
      onChange,
      reach
    })
    const resumer = new Resumer({ board, limits, counters, sessions: store, subscriber, onChange, reach })
    this.#conversation = new Conversation({ subscriber, resumer, isReady, onChange })
    this.#authentication = new Authentication({
      access,
      clock,
      limits,
      counters,
      onGranted: (session, id) => {
        this.#conversation.shrink(session, id)
        this.#statuses.tell(session)
      },
      onRefused: (session, error) => this.#intake.fail(session, error)
    })
    const [authentication, conversation] = [this.#authentication, this.#conversation]
    this.#intake = new Intake({ authentication, conversation, clock, limits, counters, onError })
  }

  /** Whether the board is complete, so that clients may be served. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Those in force; an administrator may change some. */
  get limits(): PushLimits {
    return this.#limits.current
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** How far behind the clients are. */
  get lag(): Lag {
    return lagOf(this.#sessions)
  }

  /** The number of live signatures. */
  get groups(): number {
    return this.#groups.size
  }

  /** The number of playbacks of history. */
  get playbacks(): number {
    return this.#playbacks.size
  }

  /** Takes over an accepted WebSocket and the connection under it. */
  attach(socket: WebSocket, connection: Duplex, visitor: Visitor): void {
    const session = this.#begin(socket, connection, visitor, 'websocket', encodingOf(socket.protocol))
    // In one buffer, as long as `ws` is not told otherwise.
    socket.on('message', (data, isBinary) => this.#intake.receive(session, data as Buffer, isBinary))
    socket.on('ping', () => this.#intake.admit(session))
    // The close event follows; it is counted there.
    socket.on('error', ignore)
    socket.on('close', () => this.#end(session))
  }

  /** Takes over an accepted stream of events for one subscription. */
  attachEvents(stream: EventStream, subscribe: ClientMessage, visitor: Visitor): void {
    const session = this.#begin(stream, stream, visitor, 'events', ENCODINGS.json)
    stream.once('close', () => this.#end(session))
    this.counters.messages++
    session.messages++
    this.#intake.answer(session, subscribe)
  }

  #begin(
    socket: SessionSocket,
    connection: SessionConnection,
    visitor: Visitor,
    transport: SessionOrigin['transport'],
    encoding: Encoding
  ): Session {
    const { counters, access, board } = this
    counters.sessionsOpened++
    const origin: SessionOrigin = {
      serial: counters.sessionsOpened,
      address: visitor.address,
      transport,
      connectedAt: this.#clock.nowMicros(),
      encoding,
      rights: rightsOf(visitor.identity, this.limits)
    }
    const session = new Session(socket, connection, origin, this.#sessionDeps)
    this.#sessions.add(session)
    if (this.#sessions.size === 1) {
      this.#heartbeat.start()
      this.#keeper.start()
      this.overload.start()
    }
    const hasHistory = this.#options.history !== undefined
    session.send(welcomeOf(session, { node: this.#options.node, epoch: board.epoch, access, hasHistory }))
    this.#authentication.begin(session, visitor)
    this.#statuses.tell(session)
    return session
  }

  #end(session: Session): void {
    if (!this.#sessions.delete(session)) return
    this.counters.sessionsClosed++
    this.#authentication.end(session)
    this.#keeper.end(session)
    this.#conversation.end(session)
    if (this.#sessions.size > 0) return
    this.#heartbeat.close()
    this.#keeper.close()
    this.overload.close()
    this.#onEmpty?.()
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
    this.#ring.restart(this.board.position)
    this.#flusher.restart()
    for (const group of this.#groups.values()) group.restart()
  }

  /** The sources and instruments that are not ok now. */
  get statuses(): SourceStatus[] {
    return this.#statuses.all
  }

  /** Tells every client, and those that come while it lasts, how a source or an instrument is doing. */
  sendStatus(status: SourceStatus): void {
    this.#statuses.set(status)
  }

  /** Whether no more clients are taken, because those that are here were told to leave. */
  get isDraining(): boolean {
    return this.#draining.isUnderWay
  }

  /** Sends all clients elsewhere before `inMs` are over. They are served until they go, and no new ones are taken. */
  drain(inMs: number): void {
    this.#draining.begin(inMs)
  }

  /** Takes clients again, and closes none of those that are here. */
  undrain(): void {
    this.#draining.cancel()
  }

  /** Says `bye` to all clients and resolves when their connections are gone, in well under a second. */
  async close(): Promise<void> {
    this.pause()
    this.#draining.cancel()
    this.#flusher.close()
    if (this.#sessions.size === 0) return
    const empty = new Promise<void>(resolve => {
      this.#onEmpty = resolve
    })
    for (const session of this.#sessions) session.close('drain')
    const cancel = this.#clock.after(CLOSE_WAIT_MS, () => {
      for (const session of this.#sessions) {
        session.terminate()
        // Whatever becomes of its connection.
        this.#end(session)
      }
    })
    await empty
    cancel()
  }

  async #reach(q: number): Promise<boolean> {
    const end = this.#clock.nowMs() + REACH_MS
    while (this.board.position < q && this.#clock.nowMs() < end) {
      await new Promise<void>(resolve => this.#clock.after(REACH_STEP_MS, resolve))
    }
    return this.board.position >= q
  }
}

function ignore(): void {}
