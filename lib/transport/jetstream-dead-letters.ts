import { headers, type MsgHdrs, NatsError } from 'nats'
import { type DeadLetter, type DeadLetterPage, type DeadLetterReason, pageLimit } from './dead-letter.ts'
import type { JetStreamLink } from './jetstream-link.ts'
import type { JetStreamNames } from './jetstream-names.ts'
import type { StreamSpec } from './stream-spec.ts'

/** Numbers that one page looks at: removed letters leave holes. */
const MAX_LOOKUPS = 1_000
const NO_MESSAGE = 10037

/** The dead letters of all streams: one stream, the original bytes as payload and the circumstances as headers. */
export class JetStreamDeadLetters {
  readonly #link: JetStreamLink
  readonly #names: JetStreamNames

  constructor(link: JetStreamLink, names: JetStreamNames) {
    this.#link = link
    this.#names = names
  }

  /** Resolves when the letter is stored; a letter of the same event and group is stored once. */
  async add(spec: StreamSpec, letter: Omit<DeadLetter, 'number' | 'bytes'>, data: Buffer): Promise<void> {
    const { stream, group, epoch, sequence } = letter
    const fields = headers()
    for (const [name, value] of Object.entries(letter)) {
      if (value !== null) fields.set(headerOf(name), singleLine(String(value)))
    }
    await this.#link.streams.publish(this.#names.deadSubject(spec, group), data, {
      msgID: `${stream}/${group}/${epoch}/${sequence}`,
      headers: fields,
      expect: { streamName: this.#names.deadStream }
    })
  }

  async page(after: number, limit: number): Promise<DeadLetterPage> {
    const { manager } = this.#link
    const { state } = await manager.streams.info(this.#names.deadStream)
    const letters: DeadLetter[] = []
    const first = Math.max(after + 1, state.first_seq)
    for (let number = first; number <= state.last_seq && letters.length < pageLimit(limit); number++) {
      if (number - first >= MAX_LOOKUPS) break
      const letter = await this.#read(number)
      if (letter !== undefined) letters.push(letter)
    }
    return { count: state.messages, letters }
  }

  /** Undefined where the letter was removed. */
  async #read(number: number): Promise<DeadLetter | undefined> {
    try {
      const message = await this.#link.manager.streams.getMessage(this.#names.deadStream, { seq: number })
      return readLetter(message.seq, message.header, message.data.length)
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.err_code === NO_MESSAGE) return undefined
      throw error
    }
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
