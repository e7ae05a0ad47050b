/**
 * A number of a JSON text, kept as the digits that the sender wrote.
 *
 * `JSON.parse` turns `0.10` or `123456789012345678901` into a float; a mapper that wants a price or a sequence out of a bare
 * number takes `text` instead.
 */
export class JsonNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** The engine passes the source text of a primitive as third argument; the standard library's types do not know it yet. */
type Reviver = (key: string, value: unknown, context?: { source: string }) => unknown
const parse: (text: string, reviver: Reviver) => unknown = JSON.parse

/** `JSON.parse` with every number as a {@link JsonNumber}. @throws SyntaxError when the text is not JSON. */
export function parseLosslessJson(text: string): unknown {
  return parse(text, (_key, value, context) =>
    typeof value === 'number' && context !== undefined ? new JsonNumber(context.source) : value
  )
}
