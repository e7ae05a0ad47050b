import type { Fsync } from '../transport/ack-meaning.ts'
import { type StreamSpec, type StreamStart, tableProblems } from '../transport/stream-spec.ts'
import { compileSchema, readYaml } from './checked-yaml.ts'
import { ConfigError } from './config-error.ts'

const DURATION = /^(\d+)(ms|s|m|h|d)$/
const MILLISECONDS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZE = /^(\d+)(B|KiB|MiB|GiB|TiB)$/
const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

const duration = { type: 'string', optional: true, pattern: DURATION, messages: form('a duration such as 30s or 2h') }
const size = { type: 'string', optional: true, pattern: SIZE, messages: form('a size such as 512MiB or 4GiB') }
const count = (min: number, max: number) => ({ type: 'number', integer: true, optional: true, min, max })

/** What the file may say of one stream. */
interface StreamEntry {
  replicas?: number
  storage?: 'file' | 'memory'
  discard?: 'new' | 'old'
  maxAge?: string
  maxBytes?: string
  maxMessages?: number
  keep?: string
  duplicateWindow?: string
  maxAckPending?: number
  ackWait?: string
  maxDeliver?: number
  concurrency?: number
  /** More durable groups, each with where it begins when it is first made. */
  groups?: Record<string, string | number>
}

interface StreamsFile {
  fsync?: Fsync
  streams?: Record<string, StreamEntry>
}

const check = compileSchema({
  $$strict: true,
  fsync: { type: 'enum', values: ['always', 'interval'], optional: true },
  streams: {
    type: 'record',
    optional: true,
    key: 'string',
    value: {
      type: 'object',
      strict: true,
      props: {
        replicas: count(1, 5),
        storage: { type: 'enum', values: ['file', 'memory'], optional: true },
        discard: { type: 'enum', values: ['new', 'old'], optional: true },
        maxAge: duration,
        maxBytes: size,
        maxMessages: count(1, Number.MAX_SAFE_INTEGER),
        keep: duration,
        duplicateWindow: duration,
        maxAckPending: count(1, 100_000),
        ackWait: duration,
        maxDeliver: count(1, 1_000),
        concurrency: count(1, 1_024),
        groups: { type: 'record', optional: true, key: { type: 'string', pattern: /^[\w@-]{1,64}$/ } }
      }
    }
  }
})

/** How events are stored, as it was configured. */
export interface StreamsConfig {
  streams: readonly StreamSpec[]
  /** What the operator states of the servers. */
  fsync: Fsync
}

/**
 * Reads what a streams file changes in a stream table: limits, replicas, and more durable groups.
 * @throws ConfigError with every mistake: `file:line: path: expected …, got …`.
 */
export function readStreams(text: string, file: string, table: readonly StreamSpec[]): StreamsConfig {
  const { value, at } = readYaml<StreamsFile>(text, file, check)
  const entries = value.streams ?? {}
  const problems: string[] = []
  for (const name of Object.keys(entries)) {
    if (table.some(spec => spec.name === name)) continue
    const names = table.map(spec => spec.name).join(', ')
    problems.push(`${at(['streams', name])}: streams: expected one of ${names}, got ${name}`)
  }
  const specs = table.map(spec => {
    const entry = entries[spec.name]
    if (entry === undefined) return spec
    const refuse = (path: string[], problem: string) =>
      problems.push(`${at(['streams', spec.name, ...path])}: streams.${[spec.name, ...path].join('.')}: ${problem}`)
    return withEntry(spec, entry, refuse)
  })
  problems.push(...tableProblems(specs).map(problem => `${file}: ${problem}`))
  if (problems.length > 0) throw new ConfigError(problems)
  return { streams: specs, fsync: value.fsync ?? 'interval' }
}

function withEntry(
  spec: StreamSpec,
  entry: StreamEntry,
  refuse: (path: string[], problem: string) => void
): StreamSpec {
  const { groups = {}, maxAge, maxBytes, keep, duplicateWindow, ackWait, ...same } = entry
  const starts: Record<string, StreamStart> = { ...spec.starts }
  for (const [group, start] of Object.entries(groups)) {
    const read = readStart(start)
    if (read === undefined) refuse(['groups', group], `expected all, new, a sequence or a time in UTC, got ${start}`)
    else if (spec.groups.includes(group)) refuse(['groups', group], 'expected a group that is not there already')
    else if (spec.retention === 'workqueue') refuse(['groups', group], 'expected no second group of a work queue')
    else starts[group] = read
  }
  return {
    ...spec,
    ...same,
    ...(maxAge === undefined ? {} : { maxAgeMs: readDuration(maxAge) }),
    ...(maxBytes === undefined ? {} : { maxBytes: readSize(maxBytes) }),
    ...(keep === undefined ? {} : { keepMs: readDuration(keep) }),
    ...(duplicateWindow === undefined ? {} : { duplicateWindowMs: readDuration(duplicateWindow) }),
    ...(ackWait === undefined ? {} : { ackWaitMs: readDuration(ackWait) }),
    groups: [...spec.groups, ...Object.keys(groups).filter(group => !spec.groups.includes(group))],
    starts
  }
}

function readStart(value: unknown): StreamStart | undefined {
  if (value === 'all' || value === 'new') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? { sequence: value } : undefined
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return undefined
  const timeMs = Date.parse(value)
  return Number.isNaN(timeMs) ? undefined : { timeMs }
}

function readDuration(text: string): number {
  const [, number = '', unit = ''] = DURATION.exec(text) ?? []
  return Number(number) * (MILLISECONDS[unit] ?? Number.NaN)
}

function readSize(text: string): number {
  const [, number = '', unit = ''] = SIZE.exec(text) ?? []
  return Number(number) * 1024 ** SIZE_UNITS.indexOf(unit)
}

function form(expected: string): { stringPattern: string } {
  return { stringPattern: `expected ${expected}, got {actual}` }
}
