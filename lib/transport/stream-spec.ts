import { DEAD_NAME, serverName } from './server-name.ts'

/** Where a durable group begins when its consumer is first made; later it goes on where it was. */
export type StreamStart = 'all' | 'new' | { sequence: number } | { timeMs: number }

/** One stream of a stream table: the durable events that it carries, and who consumes them. */
export interface StreamSpec {
  /** The stream's name, unique in a namespace, also where the server has `_` for dots and the like; not `dead`. */
  readonly name: string
  /** The events it carries. */
  readonly events: readonly string[]
  /** `limits`: every group reads everything. `workqueue`: a message is gone once its one group has acknowledged it. */
  readonly retention: 'limits' | 'workqueue'
  /** Groups that miss nothing: each is a durable consumer that exists even while none of its services lives. */
  readonly groups: readonly string[]
  /** Where groups begin; `all` without an entry. In memory only `all`: a stream begins with its process. */
  readonly starts?: Readonly<Record<string, StreamStart>>
  /** Readers that begin behind the acknowledgement floor of this durable group; without it only new events reach other groups. */
  readonly tailGroup?: string
  readonly maxAgeMs: number
  readonly maxBytes: number
  /** Unlimited without it. */
  readonly maxMessages?: number
  /** What gives way when a limit of bytes or messages is reached: the publisher (`new`, without it) or the oldest event. */
  readonly discard?: 'new' | 'old'
  /** When room is short, what every durable group has acknowledged goes once it is older than that: readers may still come back for it. */
  readonly keepMs: number
  /** A second publish of a message id within this window is dropped. At most `maxAgeMs`. */
  readonly duplicateWindowMs: number
  /** Unacknowledged messages of one group at the most. */
  readonly maxAckPending: number
  /** A message that is not acknowledged by then is delivered again. */
  readonly ackWaitMs: number
  /** After this many deliveries a message that keeps failing goes to the dead letters; waiting for a resource does not take it there. */
  readonly maxDeliver: number
  /** Handlers of one group that run at the same time on a node, at the most. */
  readonly concurrency: number
  /** Where a server keeps it; `file` unless told otherwise. What is in `memory` is gone with the server. */
  readonly storage?: 'file' | 'memory'
  /** Servers of a cluster that keep a copy, 1 to 5; 1 without it. */
  readonly replicas?: number
}

/** The stream that carries an event, or undefined for a plain event. */
export function streamOf(event: string, streams: readonly StreamSpec[]): StreamSpec | undefined {
  return streams.find(stream => stream.events.includes(event))
}

/** The least and the most of what is counted. A server takes no less of times than 100 ms, and for 0 its own default; a timer no more. */
const BOUNDS = {
  maxAgeMs: [100, Number.MAX_SAFE_INTEGER],
  maxBytes: [1, Number.MAX_SAFE_INTEGER],
  maxMessages: [1, Number.MAX_SAFE_INTEGER],
  keepMs: [0, Number.MAX_SAFE_INTEGER],
  duplicateWindowMs: [100, Number.MAX_SAFE_INTEGER],
  maxAckPending: [1, Number.MAX_SAFE_INTEGER],
  ackWaitMs: [100, 24 * 3_600_000],
  maxDeliver: [1, Number.MAX_SAFE_INTEGER],
  concurrency: [1, Number.MAX_SAFE_INTEGER],
  replicas: [1, 5]
} as const satisfies Partial<Record<keyof StreamSpec, readonly [least: number, most: number]>>

/** What is wrong with a stream table, each with what was expected and what came. */
export function tableProblems(streams: readonly StreamSpec[]): string[] {
  const problems: string[] = []
  const owners = new Map<string, string>()
  const names = streams.map(({ name }) => name)
  for (const spec of streams) {
    const { name, events, groups, retention, tailGroup, starts = {}, duplicateWindowMs, maxAgeMs } = spec
    const refuse = (problem: string) => problems.push(`stream ${name}: ${problem}`)
    const refuseClash = (what: string, clash: string) =>
      refuse(`expected names that differ in letters, digits, _, @ or -, got ${what} ${clash}`)
    if (names.filter(other => other === name).length > 1) refuse('expected a name once')
    for (const clash of clashes(name, names)) refuseClash('also', clash)
    if (serverName(name) === DEAD_NAME) refuse('expected another name, got that of the dead letters')
    for (const event of events) {
      if (owners.has(event)) refuse(`expected each event in one stream, got ${event} also in ${owners.get(event)}`)
      owners.set(event, name)
    }
    problems.push(...amountProblems(spec).map(problem => `stream ${name}: ${problem}`))
    if (duplicateWindowMs > maxAgeMs) {
      refuse(`expected a duplicate window of at most maxAgeMs ${maxAgeMs}, got ${duplicateWindowMs}`)
    }
    if (groups.length === 0) refuse('expected at least one group, got none: nothing is stored while nobody listens')
    if (retention === 'workqueue' && groups.length !== 1) refuse(`expected one group, got ${groups.length}`)
    if (new Set(groups).size < groups.length) refuse(`expected each group once, got ${groups.join(', ')}`)
    for (const group of groups) {
      for (const clash of clashes(group, groups)) refuseClash(`group ${group} and`, clash)
    }
    if (tailGroup !== undefined && !groups.includes(tailGroup))
      refuse(`expected a tailGroup of its groups, got ${tailGroup}`)
    for (const group of Object.keys(starts)) {
      if (!groups.includes(group)) refuse(`expected a start of one of its groups, got ${group}`)
    }
  }
  return problems
}

/** Other names that a server cannot tell from this one. */
function clashes(name: string, names: readonly string[]): string[] {
  return names.filter(other => other !== name && serverName(other) === serverName(name))
}

function amountProblems(spec: StreamSpec): string[] {
  return Object.entries(BOUNDS).flatMap(([field, [least, most]]) => {
    const amount = spec[field as keyof typeof BOUNDS]
    if (amount === undefined || (Number.isSafeInteger(amount) && amount >= least && amount <= most)) return []
    return `expected ${field} to be an integer from ${least} to ${most}, got ${amount}`
  })
}
