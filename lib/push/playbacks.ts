import type { Clock } from './clock.ts'
import type { FixedLimits } from './live-limits.ts'
import { MessageError } from './message-error.ts'
import { Playback, type PlaybackDeps } from './playback.ts'
import type { PlaybackHistory } from './playback-history.ts'
import { PlaybackReads } from './playback-reads.ts'
import { type PlaybackInfo, playbackOf } from './playback-request.ts'
import { PlaybackTurns } from './playback-turns.ts'
import type { RequestId, SubscriptionRequest } from './protocol.ts'
import type { PushCounters } from './push-counters.ts'
import type { Session } from './session.ts'
import type { Signature } from './signature.ts'
import type { PlaybackSubscription } from './subscription.ts'

export interface PlaybacksDeps {
  /** Null where there is none. */
  readonly history: PlaybackHistory | null
  readonly clock: Clock
  readonly limits: FixedLimits
  readonly counters: PushCounters
  /** Whether the gateway has more to do than it can, so that none is begun. */
  isRefusing(): boolean
  /** Told why a playback could not go on: its history could not be read, or a defect. */
  onError(error: unknown): void
}

/** A request with what of it the client may see. */
export interface Wanted {
  readonly request: SubscriptionRequest
  readonly signature: Signature
}

const RETRY_FULL_MS = 5_000

/** The playbacks of one gateway. */
export class Playbacks {
  readonly #deps: PlaybacksDeps
  readonly #running = new Set<Playback>()
  readonly #parts: PlaybackDeps | null

  constructor(deps: PlaybacksDeps) {
    this.#deps = deps
    const { history, clock, limits, counters } = deps
    const { playbackReads: maxReads, playbackRetryMs: retryMs } = limits
    this.#parts = history && {
      clock,
      limits,
      counters,
      reads: new PlaybackReads({ history, clock, counters, maxReads, retryMs }),
      turns: new PlaybackTurns(clock)
    }
  }

  get size(): number {
    return this.#running.size
  }

  /**
   * @returns the parts that are to be played, by request
   * @throws MessageError when one of the requests for history, or all of them together, are more than a client may have
   */
  check(session: Session, wanted: readonly Wanted[], id: RequestId): Map<SubscriptionRequest, PlaybackInfo> {
    const { limits, clock } = this.#deps
    const parts = new Map<SubscriptionRequest, PlaybackInfo>()
    const some = wanted.filter(({ request }) => request.playback !== undefined)
    if (some.length === 0) return parts
    if (this.#parts === null) throw new MessageError(404, 'since.time: there is no history here', id)
    if (this.#deps.isRefusing()) throw new MessageError(503, 'this gateway is overloaded', id, limits.overloadRetryMs)
    const now = clock.nowMicros()
    for (const { request, signature } of some) {
      if (request.playback !== undefined) parts.set(request, playbackOf(request.playback, now, limits, id))
      if (signature.keys.length > limits.playbackKeys)
        throw new MessageError(
          405,
          `expected at most ${limits.playbackKeys} keys to play, got ${signature.keys.length}`,
          id
        )
    }
    const own = [...session.subscriptions.values()].filter(({ playback }) => playback !== undefined).length
    const { playbacksPerConnection } = limits
    if (own + some.length > playbacksPerConnection)
      throw new MessageError(405, `expected at most ${playbacksPerConnection} playbacks, got ${own + some.length}`, id)
    if (this.#running.size + some.length > limits.playbacks)
      throw new MessageError(503, 'this gateway plays as much history as it may', id, RETRY_FULL_MS)
    return parts
  }

  /** Makes a session's playback of a checked part; it begins when it is told to. */
  open(session: Session, { request, signature }: Wanted, part: PlaybackInfo): PlaybackSubscription {
    const { counters, onError } = this.#deps
    if (this.#parts === null) throw new Error('expected a checked request for history')
    const playback = new Playback(
      {
        signature,
        part,
        hasSnapshot: request.snapshot || signature.mode === 'latest',
        client: session,
        onPlayed: (message, error) => {
          this.#running.delete(playback)
          session.remove(message.sid)
          counters[error === undefined ? 'playbacksPlayed' : 'playbacksFailed']++
          if (error !== undefined && !(error instanceof MessageError)) onError(error)
          session.send(message)
        }
      },
      this.#parts
    )
    const { group, member } = playback
    const subscription = { group, member, playback }
    this.#running.add(playback)
    session.add(subscription)
    counters.playbacksBegun++
    return subscription
  }

  close(playback: Playback): void {
    this.#running.delete(playback)
    playback.close()
  }
}
