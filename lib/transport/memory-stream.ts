import { NOTHING_SURVIVES } from './ack-meaning.ts'
import { MemoryCursor } from './memory-cursor.ts'
import type { StreamState } from './stream-control.ts'
import type { StreamSpec } from './stream-spec.ts'
import type { TransportCounters } from './transport-counters.ts'
import { TransportError } from './transport-error.ts'

/** An event as a stream in memory holds it. */
export interface HeldEvent {
  readonly sequence: number
  readonly event: string
  readonly data: Buffer
  /** When it was appended, in milliseconds of the clock. */
  readonly time: number
  /** The same in microseconds since the Unix epoch; never less than that of the event before, whatever happens to the clock. */
  readonly wallTime: number
}

export interface MemoryStreamOptions {
  spec: StreamSpec
  epoch: string
  /** Encoded bytes at the most, waiting publishes apart; those may take as much again. */
  maxBytes: number
  publishDeadlineMs: number
  counters: TransportCounters
  /** Milliseconds; only differences count. */
  now: () => number
  /** Microseconds since the Unix epoch. */
  wallNow: () => number
}

interface Waiter {
  event: string
  data: Buffer
  messageId: string | undefined
  resolve: (stored: boolean) => void
  reject: (error: TransportError) => void
  timer: NodeJS.Timeout
}

/** Message ids that are remembered at the most; an older one may be stored again even within the window. */
const MAX_MESSAGE_IDS = 200_000

/**
 * One stream of the table in memory: an array of encoded events that ends at the oldest one somebody still needs.
 *
 * Durable groups hold what they have not acknowledged. Readers outside the table hold theirs only while there is room. An
 * append waits for room until the publish deadline, first come, first served.
 */
export class MemoryStream {
  readonly spec: StreamSpec
  readonly epoch: string
  readonly durable: readonly MemoryCursor<HeldEvent>[]
  readonly #options: MemoryStreamOptions
  readonly #readers = new Set<MemoryCursor<HeldEvent>>()
  readonly #messageIds = new Map<string, number>()
  readonly #waiters: Waiter[] = []
  /** Stored events from index `#head` on; before it is nothing. */
  #entries: (HeldEvent | undefined)[] = []
  #head = 0
  #lastSequence = 0
  #lastWallTime = 0
  #bytes = 0
  #waitingBytes = 0
  #closed = false
  /** Called after every append. */
  onAppend: () => void = () => undefined

  constructor(options: MemoryStreamOptions) {
    this.#options = options
    this.spec = options.spec
    this.epoch = options.epoch
    this.durable = options.spec.groups.map(
      group => new MemoryCursor<HeldEvent>(this, group, 0, options.spec.maxAckPending)
    )
  }

  get firstSequence(): number {
    return this.#entries[this.#head]?.sequence ?? this.#lastSequence + 1
  }

  get lastSequence(): number {
    return this.#lastSequence
  }

  /** The stored event with this sequence, or undefined when it is gone or yet to come. */
  at(sequence: number): HeldEvent | undefined {
    return this.#entries[this.#head + sequence - this.firstSequence]
  }

  /** Stores an event. @returns false for a message id that the stream holds already. @throws TransportError `stream_full`, `stopping`. */
  append(event: string, data: Buffer, messageId?: string): boolean | Promise<boolean> {
    if (this.#closed) throw new TransportError('stopping', `stream ${this.spec.name} takes nothing more`)
    if (this.#waiters.length === 0 && this.#makeRoom(data.length)) return this.#store(event, data, messageId)
    if (this.#waitingBytes + data.length > this.#options.maxBytes) throw this.#full()
    this.#waitingBytes += data.length
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#leave(waiter, this.#full()), this.#options.publishDeadlineMs)
      const waiter: Waiter = { event, data, messageId, resolve, reject, timer }
      this.#waiters.push(waiter)
    })
  }

  /** Refuses what is appended from now on, and what waits. */
  close(): void {
    this.#closed = true
    const error = new TransportError('stopping', `stream ${this.spec.name} takes nothing more`)
    for (const waiter of [...this.#waiters]) this.#leave(waiter, error)
  }

  /** A reader outside the table; it begins behind the floor of the spec's tail group, or with what comes next. */
  openReader(group: string): MemoryCursor<HeldEvent> {
    const tail = this.durable.find(cursor => cursor.group === this.spec.tailGroup)
    const reader = new MemoryCursor<HeldEvent>(
      this,
      group,
      tail?.ackFloor ?? this.#lastSequence,
      Number.POSITIVE_INFINITY
    )
    this.#readers.add(reader)
    return reader
  }

  closeReader(reader: MemoryCursor<HeldEvent>): void {
    this.#readers.delete(reader)
    this.release()
  }

  /** Drops everything up to a sequence, acknowledged or not. @returns how many events. */
  purge(upTo: number): number {
    const before = this.firstSequence
    this.#trim(upTo)
    this.release()
    return this.firstSequence - before
  }

  /** Lets go of what nobody needs, and lets in who waits for the room. Cursors call it when their floor rises. */
  release(): void {
    this.#trim(Math.min(this.#durableFloor(), ...Array.from(this.#readers, reader => reader.ackFloor)))
    for (let waiter = this.#waiters[0]; waiter !== undefined; waiter = this.#waiters[0]) {
      if (!this.#makeRoom(waiter.data.length)) return
      this.#remove(waiter)
      waiter.resolve(this.#store(waiter.event, waiter.data, waiter.messageId))
    }
  }

  state(): StreamState {
    return {
      name: this.spec.name,
      epoch: this.epoch,
      firstSequence: this.firstSequence,
      lastSequence: this.#lastSequence,
      bytes: this.#bytes,
      maxBytes: this.#options.maxBytes,
      groups: this.durable.map(cursor => cursor.state()),
      ack: NOTHING_SURVIVES
    }
  }

  #store(event: string, data: Buffer, messageId: string | undefined): boolean {
    const time = this.#options.now()
    if (messageId !== undefined && !this.#remember(messageId, time)) return false
    this.#lastWallTime = Math.max(this.#lastWallTime, this.#options.wallNow())
    this.#entries.push({ sequence: ++this.#lastSequence, event, data, time, wallTime: this.#lastWallTime })
    this.#bytes += data.length
    this.onAppend()
    return true
  }

  #remember(messageId: string, time: number): boolean {
    const expired = time - this.spec.duplicateWindowMs
    for (const [id, seen] of this.#messageIds) {
      if (seen > expired && this.#messageIds.size < MAX_MESSAGE_IDS) break
      this.#messageIds.delete(id)
    }
    if (this.#messageIds.has(messageId)) return false
    this.#messageIds.set(messageId, time)
    return true
  }

  /** Whether so many bytes fit, after letting go of what is expired and what only readers outside the table still want. */
  #makeRoom(bytes: number): boolean {
    this.#expire()
    const { maxBytes } = this.#options
    if (this.#bytes + bytes > maxBytes) {
      const floor = this.#durableFloor()
      while (this.#bytes + bytes > maxBytes && this.firstSequence <= floor) this.#trim(this.firstSequence)
    }
    return this.#bytes + bytes <= maxBytes || this.#bytes === 0
  }

  #expire(): void {
    const oldest = this.#options.now() - this.spec.maxAgeMs
    for (let entry = this.#entries[this.#head]; entry !== undefined && entry.time <= oldest; ) {
      if (entry.sequence > this.#durableFloor()) this.#options.counters.expired++
      this.#trim(entry.sequence)
      entry = this.#entries[this.#head]
    }
  }

  #durableFloor(): number {
    return Math.min(this.#lastSequence, ...this.durable.map(cursor => cursor.ackFloor))
  }

  /** Drops everything up to a sequence. */
  #trim(sequence: number): void {
    const before = this.#head
    for (let entry = this.#entries[this.#head]; entry !== undefined && entry.sequence <= sequence; ) {
      this.#bytes -= entry.data.length
      this.#entries[this.#head++] = undefined
      entry = this.#entries[this.#head]
    }
    if (this.#head === before) return
    for (const cursor of this.durable) cursor.forget(this.firstSequence)
    for (const reader of this.#readers) this.#options.counters.missed += reader.forget(this.firstSequence)
    if (this.#head < 1_024 && this.#head < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#head)
    this.#head = 0
  }

  #leave(waiter: Waiter, error: TransportError): void {
    this.#remove(waiter)
    waiter.reject(error)
    if (!this.#closed) this.release()
  }

  #remove(waiter: Waiter): void {
    clearTimeout(waiter.timer)
    this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
    this.#waitingBytes -= waiter.data.length
  }

  #full(): TransportError {
    const lags = this.durable.map(cursor => `${cursor.group} is ${this.#lastSequence - cursor.ackFloor} behind`)
    return new TransportError('stream_full', `stream ${this.spec.name} has no room: ${lags.join(', ')}`)
  }
}
