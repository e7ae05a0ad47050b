import type { Micros } from '../quote/quote.ts'
import { COMMAND_OPTIONS, type OptionName } from './command-options.ts'
import { oneLine } from './one-line.ts'
import { badInput } from './repl-error.ts'
import { parseTime, TIME_FORMS } from './time-text.ts'

const NUMBER = /^\d{1,15}$/

/** A part of a stream, as the actions of `buffer` take it. */
export interface RangeInput {
  after?: number
  from?: Micros
  upTo?: number
}

/** What was typed behind a command's name. What cannot be read throws ReplError `bad_input`, which says expected and got. */
export class CommandInput {
  readonly words: readonly string[]
  readonly #options: Readonly<Record<string, unknown>>
  readonly #nowMs: number

  constructor(words: readonly string[], options: Readonly<Record<string, unknown>>, nowMs = Date.now()) {
    this.words = [...words]
    this.#options = { ...options }
    this.#nowMs = nowMs
  }

  /** Refuses more words than the command takes. Options that it does not have are among them. */
  check(command: string, mostWords: number): void {
    const option = this.words.find(word => word.startsWith('-'))
    if (option !== undefined) badInput(`there is no option ${oneLine(option, 80)}, see help ${command}`)
    const extra = this.words[mostWords]
    if (extra !== undefined)
      badInput(`expected ${mostWords} words, got also ${oneLine(extra, 80)}, see help ${command}`)
  }

  word(index: number, name: string): string {
    return this.words[index] ?? badInput(`expected a ${name}, got none`)
  }

  number(index: number, name: string): number {
    return readNumber(this.word(index, name), `a ${name}, a number`)
  }

  /** All words as numbers, each once. */
  numbers(): number[] {
    if (this.words.length === 0) badInput('expected numbers, got none')
    return [...new Set(this.words.map(word => readNumber(word, 'numbers')))]
  }

  flag(name: OptionName): boolean {
    return this.#options[name] === true
  }

  text(name: OptionName): string | undefined {
    const value = this.#options[name]
    if (value === undefined || typeof value === 'string') return value
    return badInput(`expected ${COMMAND_OPTIONS[name].option}, got no value`)
  }

  count(name: OptionName): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : readNumber(text, COMMAND_OPTIONS[name].option)
  }

  time(name: OptionName): Micros | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const { option } = COMMAND_OPTIONS[name]
    return parseTime(text, this.#nowMs) ?? badInput(`expected ${option}, ${TIME_FORMS}; got ${oneLine(text, 80)}`)
  }

  range(): RangeInput {
    const range = { from: this.time('from'), after: this.count('after'), upTo: this.count('upTo') }
    if (range.from !== undefined && range.after !== undefined) badInput('expected one of --from and --after, got both')
    return range
  }
}

function readNumber(text: string, expected: string): number {
  return NUMBER.test(text) ? Number(text) : badInput(`expected ${expected}, got ${oneLine(text, 80)}`)
}
