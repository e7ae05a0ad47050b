import { setTimeout as delay } from 'node:timers/promises'
import type { StoredEvent, StreamControl } from './stream-control.ts'

/** Stored events of a stream in their order, from a place to a place, as they are there when they are asked for. */
export async function* readEvents(
  control: StreamControl,
  range: { stream: string; after: number; upTo?: number },
  signal?: AbortSignal
): AsyncGenerator<StoredEvent> {
  const { stream, after, upTo = Number.POSITIVE_INFINITY } = range
  for (
    let event = await control.next(stream, after);
    event !== undefined;
    event = await control.next(stream, event.sequence)
  ) {
    if (signal?.aborted === true || event.sequence > upTo) return
    yield event
  }
}

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
  /** `waiting`: no node handles the group, or its resource is away. */
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

  /** Idempotent. */
  stop(): void {
    this.#abort.abort()
  }

  async #run(): Promise<void> {
    const { control, ...range } = this.#options
    try {
      for await (const event of readEvents(control, range, this.#abort.signal)) {
        await this.#handOver(event)
        if (this.#abort.signal.aborted) break
        this.#state.position = event.sequence
      }
      this.#state.state = this.#abort.signal.aborted ? 'stopped' : 'done'
    } catch (error) {
      this.#state.state = 'broken'
      this.#note(this.#state.position, (error as Error).message)
    }
  }

  async #handOver({ sequence, data }: StoredEvent): Promise<void> {
    const { control, stream, group, epoch, retryBaseMs = RETRY_BASE_MS, retryCapMs = RETRY_CAP_MS } = this.#options
    const { signal } = this.#abort
    for (let attempt = 0; !signal.aborted; attempt++) {
      const outcome = await control.handOver(stream, group, data, { epoch, sequence })
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
