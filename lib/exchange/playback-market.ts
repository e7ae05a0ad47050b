import { basename } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Market, Pair, PlaybackProgress, Publisher, Snapshot } from './market.ts'
import { PlaybackState } from './playback-state.ts'
import { readFrames } from './recording.ts'

/** A multiple of the recorded pace, or as fast as the subscribers take it. */
export type PlaybackSpeed = number | 'max'

export interface PlaybackOptions {
  file: string
  speed: PlaybackSpeed
  /** Waits for {@link Market.play} instead of the first subscription. */
  hold: boolean
  /** Milliseconds since the epoch. */
  now: () => number
}

/** Streams of one recording that are counted apart; the rest is counted together. */
const MAX_STREAMS = 4_096
const OTHER_STREAMS = 'other'
/** At full speed the event loop gets its turn after this many frames. */
const FRAMES_PER_TURN = 64

const PREFIX = '{"stream":"'

/**
 * Plays a recording once: every combined frame goes, byte for byte, to the subscribers of its stream. It begins with the first
 * subscription (of the same message all streams count) and keeps the connections open at the end.
 */
export class PlaybackMarket implements Market {
  readonly kind = 'playback'
  readonly #options: PlaybackOptions
  readonly #state = new PlaybackState()
  readonly #abort = new AbortController()
  readonly #progress: PlaybackProgress
  #publisher: Publisher | undefined
  #playing: Promise<void> | undefined

  constructor(options: PlaybackOptions) {
    this.#options = options
    this.#progress = {
      file: basename(options.file),
      state: 'waiting',
      frames: 0,
      sent: 0,
      skipped: 0,
      streams: {},
      error: null
    }
  }

  /** The pairs that the recording has shown so far. */
  get pairs(): readonly Pair[] {
    return this.#state.pairs
  }

  snapshot(symbol: string): Snapshot | undefined {
    return this.#state.snapshot(symbol, this.#options.now())
  }

  begin(publisher: Publisher): void {
    this.#publisher = publisher
  }

  subscribed(): void {
    if (!this.#options.hold) this.play()
  }

  play(): void {
    const publisher = this.#publisher
    if (publisher === undefined || this.#playing !== undefined || this.#abort.signal.aborted) return
    this.#progress.state = 'playing'
    this.#playing = this.#run(publisher).then(
      () => {
        this.#progress.state = 'done'
      },
      (error: Error) => {
        this.#progress.state = 'failed'
        this.#progress.error = this.#abort.signal.aborted ? 'closed' : error.message
      }
    )
  }

  progress(): PlaybackProgress {
    return this.#progress
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#playing
  }

  async #run(publisher: Publisher): Promise<void> {
    const { file, speed, now } = this.#options
    const { signal } = this.#abort
    const begun = now()
    let first: number | undefined
    for await (const { receivedTime, frame } of readFrames(file)) {
      if (speed !== 'max') {
        first ??= receivedTime
        const waitMs = (receivedTime - first) / 1000 / speed - (now() - begun)
        if (waitMs > 1) await sleep(waitMs, undefined, { signal })
      } else if (this.#progress.frames % FRAMES_PER_TURN === 0) {
        await nextTurn(undefined, { signal })
      }
      this.#show(publisher, frame)
      await publisher.drained()
      signal.throwIfAborted()
    }
  }

  #show(publisher: Publisher, frame: string): void {
    const end = frame.startsWith(PREFIX) ? frame.indexOf('"', PREFIX.length) : -1
    if (end === -1) {
      this.#progress.skipped++
      return
    }
    const stream = frame.slice(PREFIX.length, end)
    this.#state.see(stream, frame)
    const sent = publisher.publish(stream, frame) > 0 ? 1 : 0
    this.#progress.frames++
    this.#progress.sent += sent
    const counts = this.#countsOf(stream)
    counts.frames++
    counts.sent += sent
  }

  #countsOf(stream: string): { frames: number; sent: number } {
    const { streams } = this.#progress
    const name = stream in streams || Object.keys(streams).length < MAX_STREAMS ? stream : OTHER_STREAMS
    streams[name] ??= { frames: 0, sent: 0 }
    return streams[name]
  }
}
