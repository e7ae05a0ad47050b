import { headers, type MsgHdrs } from 'nats'
import { type DeadLetter, type DeadLetterPage, type DeadLetterReason, pageLimit } from './dead-letter.ts'
import { absentAs } from './jetstream-errors.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { JetStreamStreams } from './jetstream-streams.ts'
import type { DeadLetters } from './stream-control.ts'
import type { StreamSpec } from './stream-spec.ts'

/** Numbers that one page looks at: removed letters leave holes. */
const MAX_LOOKUPS = 1_000

/** The dead letters of all streams: one stream, the original bytes as payload and the circumstances as headers. */
export class JetStreamDeadLetters implements DeadLetters {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames
  readonly #streams: JetStreamStreams

  constructor(link: JetStreamLink, names: JetStreamNames, streams: JetStreamStreams) {
    this.#link = link
    this.#names = names
    this.#streams = streams
  }

  /** Resolves when the letter is stored, in a new stream where it is gone; a letter of the same event and group is stored once. */
  async add(spec: StreamSpec, letter: Omit<DeadLetter, 'number' | 'bytes'>, data: Buffer): Promise<void> {
    const { stream, group, epoch, sequence } = letter
    const fields = headers()
    for (const [name, value] of Object.entries(letter)) {
      if (value !== null) fields.set(headerOf(name), singleLine(String(value)))
    }
    const publish = () =>
      this.#link.streams.publish(this.#names.deadSubject(spec, group), data, {
        msgID: `${stream}/${group}/${epoch}/${sequence}`,
        headers: fields,
        expect: { streamName: this.#names.deadStream }
      })
    if ((await absentAs(publish(), 'stream_missing')) !== undefined) return
    await this.#streams.ensureDeadLetters()
    await publish()
  }

  async page(after: number, limit: number): Promise<DeadLetterPage> {
    const found = await absentAs(this.#streams.info(this.#names.deadStream), 'stream_missing')
    const { state } = found ?? (await this.#streams.ensureDeadLetters())
    const letters: DeadLetter[] = []
    const first = Math.max(after + 1, state.first_seq)
    for (let number = first; number <= state.last_seq && letters.length < pageLimit(limit); number++) {
      if (number - first >= MAX_LOOKUPS) break
      const found = await this.read(number)
      if (found !== undefined) letters.push(found.letter)
    }
    return { count: state.messages, letters }
  }

  async read(number: number): Promise<{ letter: DeadLetter; data: Buffer } | undefined> {
    const message = await this.#streams.message(this.#names.deadStream, number)
    if (message === undefined) return undefined
    const { seq, header, data } = message
    return {
      letter: readLetter(seq, header, data.length),
      data: Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    }
  }

  async remove(number: number): Promise<boolean> {
    if ((await this.read(number)) === undefined) return false
    return this.#streams.remove(this.#names.deadStream, number)
  }
}

function readLetter(number: number, fields: MsgHdrs, bytes: number): DeadLetter {
  const text = (name: keyof DeadLetter) => fields.get(headerOf(name))
  return {
    number,
    stream: text('stream'),
    group: text('group'),
    event: text('event') || null,
    reason: text('reason') as DeadLetterReason,
    error: text('error'),
    deliveries: Number(text('deliveries')),
    epoch: text('epoch'),
    sequence: Number(text('sequence')),
    node: text('node'),
    time: Number(text('time')),
    bytes
  }
}

function headerOf(name: string): string {
  return `Dead-${name}`
}

/** A header is one line of printable characters. */
function singleLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').trim()
}
