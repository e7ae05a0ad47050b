import {
  DiscardPolicy,
  nanos,
  RetentionPolicy,
  StorageType,
  type StoredMsg,
  type StreamConfig,
  type StreamInfo
} from 'nats'
import { absentAs, troubleOf } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import { streamEpoch } from './stream-epoch.ts'
import type { StreamSpec } from './stream-spec.ts'
import { TransportError } from './transport-error.ts'

/** Dead letters are kept for a week. When their room is used up, what fails stays in its stream. */
const DEAD_MAX_AGE_MS = 7 * 24 * 3600 * 1000
const DEAD_MAX_BYTES = 256 * 1024 ** 2
const DEAD_WINDOW_MS = 120_000

/** Makes streams in the server what the table says. Everything here is idempotent, on any number of nodes at once. */
export class JetStreamStreams {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: readonly StreamSpec[]
  /** As last seen, by the server's name of the stream. */
  readonly #epochs = new Map<string, string>()

  constructor(link: JetStreamLink, names: JetStreamNames, streams: readonly StreamSpec[]) {
    this.#link = link
    this.#names = names
    this.#streams = streams
  }

  ensureStream(spec: StreamSpec): Promise<StreamInfo> {
    return this.#ensure({
      name: this.#names.stream(spec),
      subjects: [this.#names.subjects(spec)],
      retention: spec.retention === 'workqueue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
      storage: spec.storage === 'memory' ? StorageType.Memory : StorageType.File,
      discard: spec.discard === 'old' ? DiscardPolicy.Old : DiscardPolicy.New,
      max_age: nanos(spec.maxAgeMs),
      max_bytes: spec.maxBytes,
      max_msgs: spec.maxMessages ?? -1,
      duplicate_window: nanos(spec.duplicateWindowMs),
      num_replicas: spec.replicas ?? 1
    })
  }

  /** Kept on as many servers as the stream of the table with the most replicas. */
  ensureDeadLetters(): Promise<StreamInfo> {
    return this.#ensure({
      name: this.#names.deadStream,
      subjects: [this.#names.deadSubjects],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_age: nanos(DEAD_MAX_AGE_MS),
      max_bytes: DEAD_MAX_BYTES,
      duplicate_window: nanos(DEAD_WINDOW_MS),
      num_replicas: Math.max(1, ...this.#streams.map(({ replicas = 1 }) => replicas))
    })
  }

  /**
   * A stream as the server has it that leads it.
   * @throws TransportError `jetstream_unavailable` while a cluster has no leader for it: then a server answers that is behind, and
   * the stream would seem to have gone back in time.
   */
  async info(stream: string): Promise<StreamInfo> {
    const info = await this.#link.briefManager.streams.info(stream)
    if (info.cluster === undefined || info.cluster.leader) return this.#see(info)
    throw new TransportError('jetstream_unavailable', `stream ${stream} has no leader now`)
  }

  /** The epoch of a stream: another one when it was made anew, or went back in time. */
  epochOf({ created, config }: Pick<StreamInfo, 'created' | 'config'>): string {
    const renewals = renewalsOf({ config })
    return renewals === 0 ? streamEpoch(created) : `${streamEpoch(created)}.${renewals}`
  }

  /** The epoch that this node saw last; empty before the first look at the stream. */
  seenEpoch(stream: string): string {
    return this.#epochs.get(stream) ?? ''
  }

  /**
   * Gives a stream another epoch than the one that was seen, and nothing when it has another one already, so that many may want it at
   * once. @returns the stream as it is then.
   */
  async renewEpoch(spec: StreamSpec, seen: string): Promise<StreamInfo> {
    const info = await this.info(this.#names.stream(spec))
    if (this.epochOf(info) !== seen) return info
    const description = `${RENEWED}${renewalsOf(info) + 1}`
    return this.#see(await this.#link.manager.streams.update(info.config.name, { ...info.config, description }))
  }

  /** A stored message, or undefined where it is gone or yet to come. */
  message(stream: string, sequence: number): Promise<StoredMsg | undefined> {
    return absentAs(this.#link.manager.streams.getMessage(stream, { seq: sequence }), 'message_missing')
  }

  /**
   * Removes one stored message. @returns whether it was there.
   * @param sequence not above the stream's last: at one above it the servers of a cluster set the stream up anew
   * @throws NatsError for one that is there and stays, as every one does while somebody takes a snapshot of the stream.
   */
  async remove(stream: string, sequence: number): Promise<boolean> {
    try {
      return await this.#link.manager.streams.deleteMessage(stream, sequence, false)
    } catch (error) {
      // For one that is gone the server has several numbers, among them that of any failure to remove.
      if ((await this.message(stream, sequence)) === undefined) return false
      throw error
    }
  }

  #see(info: StreamInfo): StreamInfo {
    this.#epochs.set(info.config.name, this.epochOf(info))
    return info
  }

  async #ensure(config: WantedStream): Promise<StreamInfo> {
    const { streams } = this.#link.manager
    try {
      const existing = await absentAs(this.info(config.name), 'stream_missing')
      if (existing === undefined) return this.#see(await streams.add(config))
      const differences = differencesOf(existing.config, config)
      if (differences.length === 0) return existing
      return await streams.update(config.name, config).catch((error: unknown) => {
        throw setupError(config.name, error, differences)
      })
    } catch (error) {
      throw error instanceof TransportError ? error : setupError(config.name, error)
    }
  }
}

type WantedStream = Partial<StreamConfig> & { name: string }

/** How often a stream went back in time: its description counts it, which every server keeps. */
export function renewalsOf({ config: { description } }: Pick<StreamInfo, 'config'>): number {
  return description?.startsWith(RENEWED) === true ? Number(description.slice(RENEWED.length)) : 0
}

const RENEWED = 'epoch '

/** Each as `name: expected …, got …`. */
function differencesOf(got: StreamConfig, expected: WantedStream): string[] {
  const names = Object.keys(expected) as (keyof StreamConfig & keyof WantedStream)[]
  return names
    .filter(name => JSON.stringify(got[name]) !== JSON.stringify(expected[name]))
    .map(name => `${name}: expected ${JSON.stringify(expected[name])}, got ${JSON.stringify(got[name])}`)
}

function setupError(name: string, error: unknown, differences: readonly string[] = []): TransportError {
  const trouble = troubleOf(error)
  const { message } = error as Error
  const options = { cause: error }
  if (trouble !== 'refused' && trouble !== 'no_room' && trouble !== 'stream_exists') {
    return new TransportError('jetstream_unavailable', `stream ${name}: ${message}`, options)
  }
  const what = differences.length === 0 ? '' : ` (${differences.join('; ')})`
  const text = `the server refuses stream ${name} as the table says${what}: ${message}. Change the table, or back up and delete the stream`
  return new TransportError('stream_refused', text, options)
}
