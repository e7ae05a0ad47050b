import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { decode, encode } from '@msgpack/msgpack'
import { WebSocket } from 'ws'
import { cleanUp } from './clean-up.ts'
import { waitUntil } from './wait-until.ts'

/** A row as the protocol sends it. */
export interface ClientRow {
  key: string
  q: number
  p?: number
  n?: number
  [field: string]: string | number | null | undefined
}

/** Any message of the server, read loosely: the tests say what they expect. */
export interface ServerFrame {
  type: string
  [field: string]: unknown
}

export type Subprotocol = 'quotes.v1.json' | 'quotes.v1.msgpack'

/** What a client holds of one subscription. */
export interface ClientBoard {
  epoch: string
  rows: Map<string, ClientRow>
  /** The safe position: everything at or below it was seen. */
  q: number
  /** The position of the last snapshot, or of the last replay that told again of updates which the client had. */
  from: number
  /** The sum of `n` of the complete rows, by key, since then. */
  merged: Map<string, number>
}

/**
 * A strict client of `quotes.v1`, written from the protocol's text and not from the gateway's code. It applies the rule of `q`, `p`
 * and `n` to every row and counts what breaks it: `q <= have` is a duplicate, `p > have` is a loss. Rows that are lists are read as the
 * objects that they stand for.
 */
export class ProtocolClient {
  readonly socket: WebSocket
  readonly frames: ServerFrame[] = []
  welcome: ServerFrame = { type: 'welcome' }
  readonly boards = new Map<string, ClientBoard>()
  losses = 0
  duplicates = 0
  /** Positions that went backwards: of a frame, a heartbeat, or a snapshot row of the same epoch. */
  regressions = 0
  /** Rows of a subscription that has no board, or with `n` below 1. */
  strays = 0
  rows = 0
  closed: { code: number; reason: string } | null = null
  #nextId = 1
  readonly #pages = new Map<string, ClientRow[]>()
  /** The sids whose next frame is a replay: it brings everything behind the position that the client has told. */
  readonly #replays = new Set<string>()
  /** The present sid by those that a subscription had. */
  readonly #renamed = new Map<string, string>()
  /** The columns of subscriptions whose rows are lists, by sid. */
  readonly #columns = new Map<string, string[]>()

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data, isBinary) => {
      // A message in the other encoding is none.
      if (isBinary !== this.#isMsgpack) this.strays++
      else this.#receive((isBinary ? decode(data as Buffer) : JSON.parse(String(data))) as ServerFrame)
    })
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
    })
    socket.on('error', () => {})
  }

  /** Connects and waits for the welcome; closed at the end of the test. */
  static async connect(
    t: TestContext,
    port: number,
    subprotocol: Subprotocol = 'quotes.v1.json'
  ): Promise<ProtocolClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, subprotocol, { perMessageDeflate: false })
    cleanUp(t, () => socket.terminate())
    const client = new ProtocolClient(socket)
    await once(socket, 'open')
    await waitUntil('the welcome came', () => client.frames.length > 0)
    return client
  }

  /** Connects and goes on with the session of a client whose connection has ended, and with what that client holds. */
  static async resume(
    t: TestContext,
    port: number,
    before: ProtocolClient,
    policy = 'replay',
    subprotocol: Subprotocol = 'quotes.v1.json'
  ): Promise<ProtocolClient> {
    const client = await ProtocolClient.connect(t, port, subprotocol)
    client.adopt(before)
    const { session, resumeToken } = before.welcome
    const pos = [...before.boards].map(([sid, { q }]) => ({ sid, q }))
    const epoch = [...before.boards.values()][0]?.epoch ?? before.welcome.epoch
    await client.request({ type: 'resume', session, resumeToken, epoch, pos, policy })
    return client
  }

  /** Takes over what another one holds and counted. */
  adopt(before: ProtocolClient): void {
    for (const [sid, board] of before.boards) this.boards.set(sid, board)
    for (const [sid, columns] of before.#columns) this.#columns.set(sid, columns)
    for (const [old, sid] of before.#renamed) this.#renamed.set(old, sid)
    this.rows = before.rows
    this.losses = before.losses
    this.duplicates = before.duplicates
    this.regressions = before.regressions
    this.strays = before.strays
  }

  /** Sends a request and waits for the answer with its id. */
  async request(message: Record<string, unknown>): Promise<ServerFrame> {
    const id = this.#nextId++
    this.socket.send(this.#isMsgpack ? encode({ ...message, id }) : JSON.stringify({ ...message, id }))
    let answer: ServerFrame | undefined
    await waitUntil(`the answer to ${message.type} came`, () => {
      answer = this.frames.find(frame => frame.id === id)
      return answer !== undefined
    })
    return answer!
  }

  /** Subscribes once and gives the sid. @throws when the gateway refuses. */
  async subscribe(sub: Record<string, unknown>): Promise<string> {
    const answer = await this.request({ type: 'subscribe', subs: [sub] })
    const [first] = (answer.subs ?? []) as { sid: string | null }[]
    if (answer.type !== 'subscribed' || typeof first?.sid !== 'string')
      throw new Error(`expected a subscription, got ${JSON.stringify(answer)}`)
    return first.sid
  }

  of(type: string): ServerFrame[] {
    return this.frames.filter(frame => frame.type === type)
  }

  /** The sid that a subscription has now, after it was made slower or faster. */
  sidOf(sid: string): string {
    return this.#renamed.get(sid) ?? sid
  }

  board(sid: string): ClientBoard {
    const board = this.boards.get(this.sidOf(sid))
    if (board === undefined) throw new Error(`expected a board of ${sid}, got none`)
    return board
  }

  get #isMsgpack(): boolean {
    return this.socket.protocol === 'quotes.v1.msgpack'
  }

  #receive(frame: ServerFrame): void {
    this.frames.push(frame)
    this.#learnColumns(frame)
    switch (frame.type) {
      case 'welcome':
        this.welcome = frame
        break
      case 'snapshot':
        this.#takeSnapshot(frame)
        break
      case 'quotes':
        this.#takeQuotes(frame)
        break
      case 'hb':
        for (const { sid, q } of frame.pos as { sid: string; q: number }[]) this.#advance(sid, q)
        break
      case 'unsubscribed':
        for (const sid of frame.sids as string[]) this.boards.delete(sid)
        break
      case 'subscribed':
        for (const sub of frame.subs as { sid: string | null; epoch: string; q: number }[])
          if (sub.sid !== null && !this.boards.has(sub.sid))
            this.boards.set(sub.sid, { epoch: sub.epoch, rows: new Map(), q: sub.q, from: sub.q, merged: new Map() })
        break
      case 'downgraded':
        this.#rename(String(frame.from ?? frame.sid), String(frame.sid))
        break
      case 'resumed':
        for (const { sid, from, replayed = 0 } of frame.subs as { sid: string; from?: string; replayed?: number }[]) {
          this.#rename(from ?? sid, sid)
          if (replayed > 0) this.#replays.add(sid)
        }
        break
      case 'updated':
        // Of a playback only the speed is another; to all else there is a new snapshot.
        if ((frame.sub as { replay?: object }).replay === undefined) this.boards.delete(String(frame.from))
    }
  }

  #learnColumns({ sub, subs }: ServerFrame): void {
    for (const { sid, cols } of [sub ?? [], subs ?? []].flat() as { sid: string; cols?: string[] }[])
      if (cols !== undefined) this.#columns.set(sid, cols)
  }

  /** What is held goes on under another sid: nothing may be missing between the last row of the one and the first of the other. */
  #rename(from: string, to: string): void {
    const board = this.boards.get(from)
    if (from === to || board === undefined) return
    this.boards.delete(from)
    this.boards.set(to, board)
    const columns = this.#columns.get(from)
    if (columns !== undefined) this.#columns.set(to, columns)
    for (const [old, sid] of this.#renamed) if (sid === from) this.#renamed.set(old, to)
    this.#renamed.set(from, to)
    this.#renamed.delete(to)
  }

  /** The rows of a frame as objects; one in the other form than was agreed is a stray. */
  #rowsOf({ sid, data, type }: ServerFrame): ClientRow[] {
    const columns = this.#columns.get(String(sid))
    return (data as (ClientRow | unknown[])[]).flatMap(row => {
      if (Array.isArray(row) === (columns === undefined) || (Array.isArray(row) && row.length !== columns?.length)) {
        this.strays++
        return []
      }
      if (columns === undefined) return [row as ClientRow]
      const carried = (row as unknown[]).flatMap((value, i) => (value === '' ? [] : [[columns[i], value]]))
      const { p, n, ...rest } = Object.fromEntries(carried) as ClientRow
      if (type === 'quotes') return [{ p, n, ...rest } as ClientRow]
      if (p !== 0 || n !== 0) this.strays++
      return [rest as ClientRow]
    })
  }

  #takeSnapshot(frame: ServerFrame): void {
    const { sid, epoch, q, final } = frame
    const name = String(sid)
    const rows = [...(this.#pages.get(name) ?? []), ...this.#rowsOf(frame)]
    if (final !== true) {
      this.#pages.set(name, rows)
      return
    }
    this.#pages.delete(name)
    const before = this.boards.get(name)
    if (before !== undefined && before.epoch === epoch) {
      if (Number(q) < before.q) this.regressions++
      for (const row of rows) if (row.q < (before.rows.get(row.key)?.q ?? 0)) this.regressions++
    }
    const board = new Map(rows.map(row => [row.key, row]))
    this.boards.set(name, { epoch: String(epoch), rows: board, q: Number(q), from: Number(q), merged: new Map() })
  }

  #takeQuotes(frame: ServerFrame): void {
    const { sid, q } = frame
    const board = this.boards.get(String(sid))
    const ahead = this.#replays.delete(String(sid)) ? keysAhead(board) : new Set()
    let hasRepeats = false
    for (const row of this.#rowsOf(frame)) {
      this.rows++
      const { key, p = -1, n = 0 } = row
      if (board === undefined || n < 1 || p < 0) {
        this.strays++
        continue
      }
      const have = board.rows.get(key)
      const isRepeat = ahead.has(key)
      hasRepeats ||= isRepeat
      if (have !== undefined && row.q <= have.q) {
        if (!isRepeat) this.duplicates++
        continue
      }
      if (have !== undefined && p > have.q) this.losses++
      board.rows.set(key, row)
      board.merged.set(key, (board.merged.get(key) ?? 0) + n)
    }
    this.#advance(String(sid), Number(q))
    if (!hasRepeats || board === undefined) return
    board.from = board.q
    board.merged.clear()
  }

  #advance(sid: string, q: number): void {
    const board = this.boards.get(sid)
    if (board === undefined) return
    if (q < board.q) this.regressions++
    board.q = q
  }
}

/** Rows may be ahead of the position of their frame, from which a replay begins: it tells of these again. */
function keysAhead(board: ClientBoard | undefined): Set<string> {
  return new Set([...(board?.rows.values() ?? [])].filter(({ q }) => q > (board?.q ?? 0)).map(({ key }) => key))
}
