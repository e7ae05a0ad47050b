import { setTimeout as delay } from 'node:timers/promises'
import type { StoredEvent, StreamControl } from './stream-control.ts'
import { unlessAborted } from './unless-aborted.ts'

/**
 * Stored events of a stream in their order, from a place to a place, as they are there when they are asked for. Each says its epoch:
 * once that is another than the range was meant in, the sequences name other events. Ends at once when the signal aborts.
 */
export async function* readEvents(
  control: StreamControl,
  range: { stream: string; after: number; upTo?: number },
  signal: AbortSignal = NEVER
): AsyncGenerator<StoredEvent> {
  const { stream, after, upTo = Number.POSITIVE_INFINITY } = range
  for (let sequence = after; !signal.aborted; ) {
    const event = await unlessAborted(signal, control.next(stream, sequence))
    if (event === undefined || event.sequence > upTo) return
    yield event
    sequence = event.sequence
  }
}

const NEVER = new AbortController().signal

export interface ReplayOptions {
  control: StreamControl
  stream: string
  /** The group whose handlers get the events; no other sees them. */
  group: string
  epoch: string
  /** Begins behind this sequence, ends with that one. */
  after: number
  upTo: number
  retryBaseMs?: number
  retryCapMs?: number
}

export interface ReplayState {
  stream: string
  group: string
  /** The sequence up to which it is done. */
  position: number
  upTo: number
  handled: number
  /** Events that the handlers refused for good; the first ones with what they said. */
  failed: number
  errors: { sequence: number; error: string }[]
  /** `waiting`: no node handles the group, or its resource is away. `broken`: the stream cannot be read, or was made anew. */
  state: 'running' | 'waiting' | 'done' | 'stopped' | 'broken'
}

const MAX_ERRORS = 10
const RETRY_BASE_MS = 200
const RETRY_CAP_MS = 10_000

/** Hands a range of a stream to one group again, in order and besides what it consumes; what waiting can cure is tried until it ends or is stopped. */
export class Replay {
  readonly #options: ReplayOptions
  readonly #abort = new AbortController()
  readonly #state: ReplayState
  readonly done: Promise<void>

  constructor(options: ReplayOptions) {
    const { stream, group, after, upTo } = options
    this.#options = options
    this.#state = { stream, group, position: after, upTo, handled: 0, failed: 0, errors: [], state: 'running' }
    this.done = this.#run()
  }

  get state(): ReplayState {
    return { ...this.#state, errors: [...this.#state.errors] }
  }

  /** Ends it at once: `done` follows whatever the handlers or the server do. The event that a handler has is not counted. Idempotent. */
  stop(): void {
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    const { control, ...range } = this.#options
    const { signal } = this.#abort
    try {
      for await (const event of readEvents(control, range, signal)) {
        if (event.epoch !== range.epoch) throw madeAnew(range.epoch, event.epoch)
        await this.#handOver(event)
        if (signal.aborted) break
        this.#state.position = event.sequence
      }
      await this.#checkEnd()
      this.#state.state = signal.aborted ? 'stopped' : 'done'
    } catch (error) {
      this.#state.state = 'broken'
      this.#note(this.#state.position, (error as Error).message)
    }
  }

  /** A range ends early where its last events are gone, which is well, or with its stream, which is not. */
  async #checkEnd(): Promise<void> {
    const { control, stream, epoch, upTo } = this.#options
    const { signal } = this.#abort
    if (signal.aborted || this.#state.position >= upTo) return
    const streams = await unlessAborted(signal, control.streams())
    const now = streams?.find(({ name }) => name === stream)
    if (now !== undefined && now.epoch !== epoch) throw madeAnew(epoch, now.epoch)
  }

  async #handOver({ sequence, data }: StoredEvent): Promise<void> {
    const { control, stream, group, epoch, retryBaseMs = RETRY_BASE_MS, retryCapMs = RETRY_CAP_MS } = this.#options
    const { signal } = this.#abort
    for (let attempt = 0; !signal.aborted; attempt++) {
      const outcome = await unlessAborted(signal, control.handOver(stream, group, data, { epoch, sequence }))
      if (outcome === undefined) return
      if (outcome.kind === 'handled') {
        this.#state.state = 'running'
        this.#state.handled++
        return
      }
      if (outcome.kind === 'failed' && !outcome.retryable) {
        this.#state.failed++
        this.#note(sequence, outcome.error)
        return
      }
      this.#state.state = 'waiting'
      const pauseMs = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(attempt, 20))
      await delay(pauseMs, undefined, { signal }).catch(() => undefined)
    }
  }

  #note(sequence: number, error: string): void {
    if (this.#state.errors.length < MAX_ERRORS) this.#state.errors.push({ sequence, error })
  }
}

function madeAnew(epoch: string, got: string): Error {
  return new Error(`the stream was made anew: expected epoch ${epoch}, got ${got}`)
}
