import { LONGEST_JOINED, SEPARATOR, type TextColumn } from './column.ts'

const SEPARATOR_CODE = SEPARATOR.charCodeAt(0)
/** A code above needs more than a byte. */
const GREATEST_CODE = 0xff

/**
 * Writes a column of texts or nulls while they are looked at: each text is touched once, when its quote is. Looking whether all
 * can be joined and joining them, one pass each, takes twice as long.
 */
export class TextColumnWriter {
  readonly #joined: Buffer
  #end = 0
  #count = 0
  #first: string | null = null
  #areSame = true
  #isJoinable = true

  /** @param count Values at most. */
  constructor(count: number) {
    this.#joined = Buffer.allocUnsafe(count * (LONGEST_JOINED + SEPARATOR.length))
  }

  add(value: string | null | undefined): void {
    const text = value ?? null
    if (this.#count++ === 0) this.#first = text
    else if (this.#areSame && text !== this.#first) this.#areSame = false
    if (this.#isJoinable) this.#isJoinable = this.#join(text)
  }

  /** The column, told once where all values are the same. @param values Gives them again, where they cannot be joined. */
  column(values: () => (string | null)[]): TextColumn {
    if (this.#areSame) return this.#first
    if (!this.#isJoinable) return values()
    return { joined: this.#joined.toString('latin1', 0, this.#end - SEPARATOR.length) }
  }

  /** A null is joined as an empty text, so an empty text cannot be. @returns false when the text cannot be joined. */
  #join(text: string | null): boolean {
    const joined = this.#joined
    let end = this.#end
    if (text !== null) {
      const { length } = text
      if (length === 0 || length > LONGEST_JOINED) return false
      for (let index = 0; index < length; index++) {
        const code = text.charCodeAt(index)
        if (code === SEPARATOR_CODE || code > GREATEST_CODE) return false
        joined[end++] = code
      }
    }
    joined[end] = SEPARATOR_CODE
    this.#end = end + SEPARATOR.length
    return true
  }
}
