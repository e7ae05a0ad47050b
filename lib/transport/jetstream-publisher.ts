import { setTimeout as delay } from 'node:timers/promises'
import { JetStreamAcks, type PublishAck } from './jetstream-acks.ts'
import { type JetStreamTrouble, troubleOf } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamRestorer } from './jetstream-restorer.ts'
import type { JetStreamSetBacks } from './jetstream-set-backs.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { StreamSpec } from './stream-spec.ts'
import type { TransportCounters } from './transport-counters.ts'
import { TransportError } from './transport-error.ts'
import type { TransportOptions } from './transport-options.ts'
import { within } from './within.ts'

/** Room for headers beside the message id. A dead letter has the most, and what is published must fit into one. */
const HEADER_BYTES = 2_048
const RETRY_BASE_MS = 50
const RETRY_CAP_MS = 1_000

/** What was acknowledged in one epoch of a stream. */
interface Acknowledged {
  readonly epoch: string
  /** The greatest sequence. */
  newest: number
  /** A fall is being looked into. */
  doubted: boolean
}

/** Publishes durable events: each once, by its message id, however often it is tried. */
export class JetStreamPublisher {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams
  readonly #setBacks: JetStreamSetBacks
  readonly #restorer: Pick<JetStreamRestorer, 'restore'>
  readonly #options: TransportOptions
  readonly #counters: TransportCounters
  readonly #acks: JetStreamAcks
  readonly #acknowledged = new Map<string, Acknowledged>()
  #publishing = 0
  #publishingBytes = 0

  constructor(deps: {
    link: JetStreamLink
    names: JetStreamNames
    streams: JetStreamStreams
    setBacks: JetStreamSetBacks
    restorer: Pick<JetStreamRestorer, 'restore'>
    options: TransportOptions
    counters: TransportCounters
  }) {
    this.#link = deps.link
    this.#names = deps.names
    this.#streams = deps.streams
    this.#setBacks = deps.setBacks
    this.#restorer = deps.restorer
    this.#options = deps.options
    this.#counters = deps.counters
    this.#acks = new JetStreamAcks(deps.link)
  }

  /**
   * Resolves when the stream has stored the event.
   * @throws TransportError `too_large`, `overloaded`, `stream_refused`; at the deadline `stream_full`, `jetstream_unavailable` or `unconfirmed`.
   */
  async publish(spec: StreamSpec, event: string, data: Buffer, messageId: string): Promise<void> {
    const limit = this.#link.maxPayload - HEADER_BYTES - Buffer.byteLength(messageId)
    if (data.length > limit) {
      throw new TransportError('too_large', `event ${event}: expected at most ${limit} bytes, got ${data.length}`)
    }
    const { maxPublishing, maxPublishingBytes, publishDeadlineMs } = this.#options
    if (this.#publishing >= maxPublishing || this.#publishingBytes + data.length > maxPublishingBytes) {
      const text = `${this.#publishing} events of ${this.#publishingBytes} bytes wait for their confirmation`
      throw new TransportError('overloaded', text)
    }
    this.#publishing++
    this.#publishingBytes += data.length
    try {
      await this.#publishUntil(performance.now() + publishDeadlineMs, spec, event, data, messageId)
    } catch (error) {
      this.#counters.publishFailures++
      throw error
    } finally {
      this.#publishing--
      this.#publishingBytes -= data.length
    }
  }

  async #publishUntil(end: number, spec: StreamSpec, event: string, data: Buffer, messageId: string): Promise<void> {
    const subject = this.#names.subject(spec, event)
    const stream = this.#names.stream(spec)
    let trouble: JetStreamTrouble = 'unreachable'
    let cause: unknown
    for (let attempt = 0; ; attempt++) {
      // Attempts made while disconnected would pile up in the client's outbound buffer.
      const up = await this.#link.whenUp(end - performance.now())
      const left = end - performance.now()
      if (!up) throw failure('unreachable', event, 'no connection', cause)
      if (left <= 0) throw failure(trouble, event, detailOf(trouble, cause), cause)
      try {
        const timeoutMs = Math.ceil(Math.min(left, this.#options.publishAttemptMs))
        const before = this.#of(stream)
        const known = before.newest
        const ack = await this.#acks.publish({ subject, data, messageId, stream, timeoutMs })
        this.#compare(spec, before, known, ack)
        this.#counters.published++
        // A repetition finds what its first attempt has stored.
        if (ack.duplicate && attempt === 0) this.#counters.duplicates++
        return
      } catch (error) {
        cause = error
        trouble = troubleOf(error)
        const pauseMs = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** attempt)
        if (trouble === 'refused' || performance.now() + pauseMs >= end) {
          throw failure(trouble, event, detailOf(trouble, error), error)
        }
        this.#counters.publishRetries++
        if (trouble === 'stream_missing') await this.#pauseAndRestore(spec, pauseMs)
        else await delay(pauseMs)
      }
    }
  }

  /** A stream without a leader looks like one that is gone, and publishing is the quicker way to learn that it has one: the pause is no longer. */
  async #pauseAndRestore(spec: StreamSpec, pauseMs: number): Promise<void> {
    await Promise.all([delay(pauseMs), within(pauseMs, this.#restorer.restore(spec))])
  }

  #of(stream: string): Acknowledged {
    const known = this.#acknowledged.get(stream)
    if (known !== undefined) return known
    const fresh = { epoch: this.#streams.seenEpoch(stream), newest: 0, doubted: false }
    this.#acknowledged.set(stream, fresh)
    return fresh
  }

  /** What was sent after a sequence was known has a greater one, unless the stream went back in time. */
  #compare(spec: StreamSpec, before: Acknowledged, known: number, { sequence, duplicate }: PublishAck): void {
    if (duplicate) return
    if (sequence <= known) void this.#lookInto(spec, before, sequence)
    else if (sequence > before.newest) before.newest = sequence
  }

  /** When it is not confirmed, or the server is away, the next sequence that falls leads here again. */
  async #lookInto(spec: StreamSpec, before: Acknowledged, sequence: number): Promise<void> {
    const stream = this.#names.stream(spec)
    if (before.doubted || this.#acknowledged.get(stream) !== before) return
    before.doubted = true
    try {
      const { epoch: seen, newest } = before
      const info = await this.#setBacks.settle(spec, { epoch: seen, sequence: newest, shown: 'acknowledged' })
      const epoch = this.#streams.epochOf(info)
      if (epoch === seen) return
      this.#acknowledged.set(stream, { epoch, newest: sequence, doubted: false })
      // Its groups begin anew.
      await this.#restorer.restore(spec)
    } catch {
      // The server is away, or refuses the stream: publishing meets the same and says so.
    } finally {
      before.doubted = false
    }
  }
}

function detailOf(trouble: JetStreamTrouble, cause: unknown): string {
  if (trouble === 'stream_missing') return 'the stream is missing or has no leader'
  return cause instanceof Error ? cause.message : 'the time was up before an attempt'
}

function failure(trouble: JetStreamTrouble, event: string, detail: string, cause: unknown): TransportError {
  const options = cause === undefined ? undefined : { cause }
  if (trouble === 'no_room') return new TransportError('stream_full', `event ${event}: ${detail}`, options)
  if (trouble === 'not_enabled')
    return new TransportError('jetstream_unavailable', `event ${event}: ${detail}`, options)
  if (trouble === 'refused') return new TransportError('stream_refused', `event ${event}: ${detail}`, options)
  return new TransportError('unconfirmed', `event ${event} may be stored or not: ${detail}`, options)
}
