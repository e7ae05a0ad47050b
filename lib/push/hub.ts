import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import { Access, OPEN_ACCESS } from '../access/access.ts'
import type { Candidate } from '../quote/board.ts'
import type { SourceStatus } from '../quote/events.ts'
import { Administration } from './administration.ts'
import { Authentication } from './authentication.ts'
import type { BoardTable } from './board-table.ts'
import { type Clock, systemClock } from './clock.ts'
import { Conversation } from './conversation.ts'
import { Downgrader } from './downgrader.ts'
import { Draining } from './draining.ts'
import { ENCODINGS, type Encoding, encodingOf } from './encoding.ts'
import type { EventStream } from './event-stream.ts'
import { Gate, type Visitor } from './gate.ts'
import { Heartbeat } from './heartbeat.ts'
import type { HubOptions } from './hub-options.ts'
import { Intake } from './intake.ts'
import { type Lag, lagOf } from './lag.ts'
import type { PushLimits } from './limits.ts'
import { LiveBoard } from './live-board.ts'
import { LiveLimits } from './live-limits.ts'
import { SystemLoopDelay } from './loop-delay.ts'
import { MemorySessions } from './memory-sessions.ts'
import { Overload } from './overload.ts'
import { Playbacks } from './playbacks.ts'
import type { ClientMessage } from './protocol.ts'
import { type PushCounters, zeroCounters } from './push-counters.ts'
import { Resumer } from './resumer.ts'
import { rightsOf } from './rights.ts'
import { Session, type SessionConnection, type SessionDeps, type SessionOrigin, type SessionSocket } from './session.ts'
import { SessionKeeper } from './session-keeper.ts'
import { StatusBoard } from './status-board.ts'
import { Subscriber } from './subscriber.ts'
import { welcomeOf } from './welcome.ts'

/** Connections that have not answered the close by then are cut. */
const CLOSE_WAIT_MS = 300

/**
 * The push engine of one gateway: the board, the clients, and who gets what when. Quotes come in stream order through `apply`;
 * nothing is sent before the first `restart`.
 */
export class Hub {
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
  readonly #live: LiveBoard
  readonly #downgrader: Downgrader
  readonly #heartbeat: Heartbeat
  readonly #conversation: Conversation
  readonly #authentication: Authentication
  readonly #intake: Intake
  readonly #statuses: StatusBoard
  readonly #keeper: SessionKeeper
  readonly #draining: Draining
  readonly #playbacks: Playbacks
  #onEmpty: (() => void) | null = null

  constructor(options: HubOptions) {
    this.#options = options
    const limits = new LiveLimits(options.limits)
    this.#limits = limits
    const clock = options.clock ?? systemClock
    this.#clock = clock
    this.access = options.access ?? new Access(OPEN_ACCESS, { now: clock.nowMicros })
    this.gate = new Gate(this.access, clock, limits, this.counters)
    this.#live = new LiveBoard(clock, this.limits, this.counters)
    const { access, counters } = this
    const { board, groups, stretch } = this.#live
    const sessions = this.#sessions
    const isReady = () => this.isReady
    this.#heartbeat = new Heartbeat({
      clock,
      heartbeatMs: this.limits.heartbeatMs,
      sessions,
      counters,
      hasPositions: isReady,
      stretch,
      onLook: nowMs => this.#downgrader.look(nowMs)
    })
    this.#statuses = new StatusBoard(sessions, counters)
    this.#draining = new Draining(sessions, clock)
    this.administration = new Administration({ sessions, board, limits, counters })
    const store = options.sessions ?? new MemorySessions(this.limits.resumeWindowMs, clock.nowMs)
    this.#keeper = new SessionKeeper({ store, sessions, clock, limits: this.limits, counters })
    this.overload = new Overload({
      loopDelay: options.loopDelay ?? new SystemLoopDelay(),
      stretch,
      sessions,
      clock,
      limits: this.limits,
      counters,
      onChange: change => options.onOverload?.(change)
    })
    const onChange = (session: Session) => this.#keeper.save(session)
    const reach = (q: number) => this.#live.reach(q)
    this.#downgrader = new Downgrader({ sessions, groups, stretch, clock, limits: this.limits, counters, onChange })
    const { random = Math.random } = options
    const pings = { clock, random, limits: this.limits }
    this.#sessionDeps = { clock, limits, counters, random, pings, onRoom: one => this.#downgrader.act(one) }
    const { isKnown, onWanted = () => {}, onError = () => {}, history = null } = options
    const isRefusing = () => this.overload.isRefusing
    this.#playbacks = new Playbacks({ history, clock, limits: this.limits, counters, isRefusing, onError })
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

  get board(): BoardTable {
    return this.#live.board
  }

  /** Whether the board is complete, so that clients may be served. */
  get isReady(): boolean {
    return this.#live.isReady
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
    return this.#live.groups.size
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
    this.#live.apply(candidates)
  }

  /** Sends no rows and takes no subscriptions until `restart`. */
  pause(): void {
    this.#live.pause()
  }

  /** The board is complete: serves clients, and gives those that are there a snapshot with the positions of the epoch. */
  restart(): void {
    this.#live.restart()
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

  /** Sends all clients elsewhere before `inMs` are over. They are served until they go, and no new ones are taken. @returns false when that is under way. */
  drain(inMs: number): boolean {
    return this.#draining.begin(inMs)
  }

  /** Takes clients again, and closes none of those that are here. */
  undrain(): void {
    this.#draining.cancel()
  }

  /** Says `bye` to all clients and resolves when their connections are gone, in well under a second. */
  async close(): Promise<void> {
    this.#live.close()
    this.#draining.cancel()
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
}

function ignore(): void {}
