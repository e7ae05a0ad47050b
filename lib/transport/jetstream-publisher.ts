import { setTimeout as delay } from 'node:timers/promises'
import { JetStreamAcks, type PublishAck } from './jetstream-acks.ts'
import type { JetStreamConsumers } from './jetstream-consumers.ts'
import { type JetStreamTrouble, troubleOf } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { StreamSpec } from './stream-spec.ts'
import type { TransportCounters } from './transport-counters.ts'
import { TransportError } from './transport-error.ts'
import type { TransportOptions } from './transport-options.ts'

/** Room for headers beside the message id. A dead letter has the most, and what is published must fit into one. */
const HEADER_BYTES = 2_048
const RETRY_BASE_MS = 50
const RETRY_CAP_MS = 1_000

/** Publishes durable events: each once, by its message id, however often it is tried. */
export class JetStreamPublisher {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams
  readonly #consumers: JetStreamConsumers
  readonly #options: TransportOptions
  readonly #counters: TransportCounters
  readonly #acks: JetStreamAcks
  /** The greatest sequence that was acknowledged, by stream. */
  readonly #newest = new Map<string, number>()
  #publishing = 0

  constructor(deps: {
    link: JetStreamLink
    names: JetStreamNames
    streams: JetStreamStreams
    consumers: JetStreamConsumers
    options: TransportOptions
    counters: TransportCounters
  }) {
    this.#link = deps.link
    this.#names = deps.names
    this.#streams = deps.streams
    this.#consumers = deps.consumers
    this.#options = deps.options
    this.#counters = deps.counters
    this.#acks = new JetStreamAcks(deps.link)
  }

  /**
   * Resolves when the stream has stored the event.
   * @throws TransportError `too_large`, `overloaded`; at the deadline `stream_full` or `unconfirmed`.
   */
  async publish(spec: StreamSpec, event: string, data: Buffer, messageId: string): Promise<void> {
    const limit = this.#link.maxPayload - HEADER_BYTES - Buffer.byteLength(messageId)
    if (data.length > limit) {
      throw new TransportError('too_large', `event ${event}: expected at most ${limit} bytes, got ${data.length}`)
    }
    if (this.#publishing >= this.#options.maxPublishing) {
      throw new TransportError('overloaded', `${this.#publishing} events wait for their confirmation`)
    }
    this.#publishing++
    try {
      await this.#publishUntil(performance.now() + this.#options.publishDeadlineMs, spec, event, data, messageId)
    } catch (error) {
      this.#counters.publishFailures++
      throw error
    } finally {
      this.#publishing--
    }
  }

  async #publishUntil(end: number, spec: StreamSpec, event: string, data: Buffer, messageId: string): Promise<void> {
    const subject = this.#names.subject(spec, event)
    const stream = this.#names.stream(spec)
    for (let attempt = 0; ; attempt++) {
      // Attempts made while disconnected would pile up in the client's outbound buffer.
      const up = await this.#link.whenUp(end - performance.now())
      const left = end - performance.now()
      if (!up || left <= 0) throw failure('unreachable', event, undefined)
      try {
        const timeoutMs = Math.ceil(Math.min(left, this.#options.publishAttemptMs))
        const newest = this.#newest.get(stream) ?? 0
        const ack = await this.#acks.publish({ subject, data, messageId, stream, timeoutMs })
        this.#compare(spec, ack, newest)
        this.#counters.published++
        // A repetition finds what its first attempt has stored.
        if (ack.duplicate && attempt === 0) this.#counters.duplicates++
        return
      } catch (error) {
        const trouble = troubleOf(error)
        const pauseMs = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** attempt)
        if (trouble === 'refused' || performance.now() + pauseMs >= end) throw failure(trouble, event, error)
        if (trouble === 'stream_missing') await this.#restore(spec)
        this.#counters.publishRetries++
        await delay(pauseMs)
      }
    }
  }

  /** What was sent after a sequence was known has a greater one, unless the stream went back in time. */
  #compare(spec: StreamSpec, { sequence, duplicate }: PublishAck, known: number): void {
    if (duplicate) return
    const stream = this.#names.stream(spec)
    if (sequence > known) {
      this.#newest.set(stream, Math.max(sequence, this.#newest.get(stream) ?? 0))
      return
    }
    this.#newest.set(stream, sequence)
    this.#counters.setBacks++
    this.#streams.reportSetBack(spec).catch(() => {
      // The next one that falls says it again: the sequence that it is compared with stays.
      this.#newest.set(stream, known)
    })
  }

  /** Makes a stream that is gone. Whether that helped shows at the next attempt. */
  async #restore(spec: StreamSpec): Promise<void> {
    try {
      await this.#consumers.ensure(spec)
    } catch (error) {
      if (error instanceof TransportError && error.code === 'stream_refused') throw error
    }
  }
}

function failure(trouble: JetStreamTrouble, event: string, cause: unknown): TransportError {
  const options = cause === undefined ? undefined : { cause }
  const detail = cause instanceof Error ? cause.message : 'no connection'
  if (trouble === 'no_room') return new TransportError('stream_full', `event ${event}: ${detail}`, options)
  if (trouble === 'not_enabled')
    return new TransportError('jetstream_unavailable', `event ${event}: ${detail}`, options)
  if (trouble === 'refused') return new TransportError('stream_refused', `event ${event}: ${detail}`, options)
  return new TransportError('unconfirmed', `event ${event} may be stored or not: ${detail}`, options)
}
