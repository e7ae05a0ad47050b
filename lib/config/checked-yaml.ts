import fastestValidator, { type SyncCheckFunction, type ValidationSchema } from 'fastest-validator'
import { LineCounter, parseDocument } from 'yaml'
import { ConfigError } from './config-error.ts'

type Path = readonly (string | number)[]

/** A file's content, and where each part of it stands. */
export interface CheckedYaml<T> {
  value: T
  /** `file:line` of a part. */
  at(path: Path): string
}

/** The package's types describe an ES module, Node loads it as CommonJS: the default import is the class itself. */
const Validator = fastestValidator as unknown as typeof fastestValidator.default

const validator = new Validator({
  haltOnFirstError: false,
  messages: {
    required: 'expected a value, got nothing',
    string: 'expected a text, got {actual}',
    array: 'expected a list, got {actual}',
    object: 'expected a mapping, got {actual}',
    number: 'expected a number, got {actual}',
    numberMin: 'expected at least {expected}, got {actual}',
    numberMax: 'expected at most {expected}, got {actual}',
    numberInteger: 'expected a whole number, got {actual}',
    arrayMin: 'expected at least {expected} entry, got {actual}',
    stringPattern: 'expected the form {expected}, got {actual}',
    enumValue: 'expected one of {expected}, got {actual}',
    objectStrict: 'expected only {expected}, got {actual}'
  }
})

/** A schema in the notation of fastest-validator, for {@link readYaml}. */
export function compileSchema(schema: ValidationSchema): SyncCheckFunction {
  return validator.compile(schema) as SyncCheckFunction
}

/**
 * Reads YAML and checks it against a schema.
 * @throws ConfigError with every mistake: `file:line: path: expected …, got …`.
 */
export function readYaml<T>(text: string, file: string, check: SyncCheckFunction): CheckedYaml<T> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map(error => `${file}:${lines.linePos(error.pos[0]).line}: expected YAML, got ${error.message}`)
    )
  }
  const at = (path: Path): string => {
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true)
      if (hasRange(node)) return `${file}:${lines.linePos(node.range[0]).line}`
    }
    return `${file}:1`
  }
  const value = (document.toJS() ?? {}) as T
  const outcome = check(value)
  if (Array.isArray(outcome)) {
    throw new ConfigError(
      outcome.map(error => `${at([...pathOf(error.field), ...unknownName(error)])}: ${error.field}: ${error.message}`)
    )
  }
  return { value, at }
}

/** The name that a strict mapping did not expect, so that its own line is reported. */
function unknownName({ type, actual }: { type: string; actual?: unknown }): string[] {
  return type === 'objectStrict' ? String(actual).split(', ').slice(0, 1) : []
}

/** `sources[0].name` as a path. */
function pathOf(field: string): (string | number)[] {
  return [...field.matchAll(/([^.[\]]+)/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part))
}

function hasRange(node: unknown): node is { range: [number, number, number] } {
  return typeof node === 'object' && node !== null && Array.isArray((node as { range?: unknown }).range)
}
