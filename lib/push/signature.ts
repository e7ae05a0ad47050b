import { hash } from 'node:crypto'
import type { Pattern } from '../instruments/key-pattern.ts'
import type { EncodingName } from './protocol.ts'
import type { RowField } from './row-field.ts'
import { rowFormatOf } from './row-formats.ts'

/**
 * `conflate`: the latest per symbol per interval. `all`: every update, in order. `latest`: a snapshot now, and with every `resync`.
 */
export const MODES = ['conflate', 'all', 'latest'] as const
export type Mode = (typeof MODES)[number]

/** What a subscription is about. Equal signatures share one group, and every frame of it is encoded once. */
export interface Signature {
  /** Sorted, each once. */
  readonly keys: readonly string[]
  /** Sorted by text, each once. */
  readonly patterns: readonly Pattern[]
  /** Canonical, see `canonicalFields`. */
  readonly fields: readonly RowField[]
  readonly intervalMs: number
  readonly mode: Mode
  /** Whether rows are lists of values instead of objects. */
  readonly rows: boolean
  /** That of the connection. */
  readonly encoding: EncodingName
}

/** 72 bits of the hash: two signatures of one gateway do not meet in practice. */
const SID_LENGTH = 12

/**
 * The short hash of a signature, equal on every connection and every gateway.
 * @param more what else tells it apart, for what is not the same everywhere
 */
export function signatureId(signature: Signature, more: readonly (string | number)[] = []): string {
  const { keys, patterns, fields, intervalMs, mode } = signature
  const format = rowFormatOf(signature).name
  const canonical = JSON.stringify([keys, patterns.map(({ text }) => text), fields, intervalMs, mode, format, ...more])
  return hash('sha256', canonical, 'base64url').slice(0, SID_LENGTH)
}

/** Texts sorted by code unit, each once: the order must not depend on a locale. */
export function sortedUnique(texts: Iterable<string>): string[] {
  return [...new Set(texts)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}
