import type { GroupState } from './stream-control.ts'

/** What a cursor needs of its stream. */
export interface CursorStream<E> {
  readonly lastSequence: number
  readonly firstSequence: number
  at(sequence: number): E | undefined
  release(): void
}

/** An event taken from a cursor. */
export interface Taken<E> {
  entry: E
  sequence: number
  /** 1 for the first time. */
  count: number
}

interface Pending {
  count: number
  /** Undefined while a handler has it; else it waits to come again. */
  timer: NodeJS.Timeout | undefined
}

/**
 * The place of one group in a stream in memory: what it has taken, what is to come again, and the floor below which all is
 * acknowledged. Everything it holds is bounded by `maxPending`.
 */
export class MemoryCursor<E = unknown> {
  readonly group: string
  readonly #stream: CursorStream<E>
  readonly #maxPending: number
  /** Taken and not acknowledged; keys ascend, because each enters once, when it is first taken. */
  readonly #pending = new Map<number, Pending>()
  readonly #ready: number[] = []
  #next: number
  #forgotten = 0
  #hurried = false
  #paused = false
  /** Called when an event that had to wait may be taken. */
  onReady: () => void = () => undefined

  constructor(stream: CursorStream<E>, group: string, after: number, maxPending: number) {
    this.#stream = stream
    this.group = group
    this.#next = after + 1
    this.#maxPending = maxPending
  }

  /** All events that were gone before it took them. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Everything up to this sequence is acknowledged or gone. */
  get ackFloor(): number {
    const [oldest] = this.#pending.keys()
    return (oldest ?? this.#next) - 1
  }

  /** The next event for this group: first what comes again, then what it has not seen. Undefined when there is none now. */
  take(): Taken<E> | undefined {
    if (this.#paused) return undefined
    for (let sequence = this.#ready.shift(); sequence !== undefined; sequence = this.#ready.shift()) {
      const pending = this.#pending.get(sequence)
      const entry = this.#stream.at(sequence)
      if (pending === undefined || entry === undefined) continue
      return { entry, sequence, count: ++pending.count }
    }
    if (this.#pending.size >= this.#maxPending) return undefined
    const sequence = this.#next
    const entry = this.#stream.at(sequence)
    if (entry === undefined) return undefined
    this.#next++
    this.#pending.set(sequence, { count: 1, timer: undefined })
    return { entry, sequence, count: 1 }
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Gives nothing out until it is called with false. */
  setPaused(paused: boolean): void {
    this.#paused = paused
    if (!paused) this.onReady()
  }

  ack(sequence: number): void {
    const before = this.ackFloor
    if (this.#pending.delete(sequence) && this.ackFloor > before) this.#stream.release()
  }

  /** Lets an event come again after a pause. */
  nak(sequence: number, delayMs: number): void {
    const pending = this.#pending.get(sequence)
    if (pending === undefined) return
    const timer = setTimeout(() => this.#revive(sequence), this.#hurried ? Math.min(delayMs, HURRIED_MS) : delayMs)
    pending.timer = timer
  }

  /** From now on nothing waits longer than a moment: the node is stopping. */
  hurry(): void {
    this.#hurried = true
    for (const [sequence, { timer }] of this.#pending) {
      if (timer === undefined) continue
      clearTimeout(timer)
      this.#revive(sequence)
    }
  }

  /** Steps over what is gone from the stream. @returns how many events it never took. */
  forget(firstSequence: number): number {
    const before = this.#pending.size
    for (const [sequence, { timer }] of this.#pending) {
      if (sequence >= firstSequence) break
      clearTimeout(timer)
      this.#pending.delete(sequence)
    }
    // What follows may have waited for their places, with nothing else to come that would begin it.
    if (this.#pending.size < before) this.onReady()
    const untaken = Math.max(0, firstSequence - this.#next)
    this.#next += untaken
    this.#forgotten += untaken
    return untaken
  }

  /** Forgets its timers; the events stay unacknowledged. */
  close(): void {
    for (const { timer } of this.#pending.values()) clearTimeout(timer)
  }

  state(): GroupState {
    let redelivered = 0
    for (const { count } of this.#pending.values()) if (count > 1) redelivered++
    return {
      group: this.group,
      delivered: this.#next - 1,
      ackFloor: this.ackFloor,
      pending: this.#stream.lastSequence - this.#next + 1 + this.#pending.size,
      redelivered,
      paused: this.#paused
    }
  }

  #revive(sequence: number): void {
    const pending = this.#pending.get(sequence)
    if (pending === undefined) return
    pending.timer = undefined
    this.#ready.push(sequence)
    this.onReady()
  }
}

const HURRIED_MS = 50
