/** Where a durable group begins when its consumer is first made; later it goes on where it was. */
export type StreamStart = 'all' | 'new' | { sequence: number } | { timeMs: number }

/** One stream of a stream table: the durable events that it carries, and who consumes them. */
export interface StreamSpec {
  /** The stream's name, unique in a namespace. */
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

/** What is wrong with a stream table, each with what was expected and what came. */
export function tableProblems(streams: readonly StreamSpec[]): string[] {
  const problems: string[] = []
  const owners = new Map<string, string>()
  for (const spec of streams) {
    const { name, events, groups, retention, tailGroup, starts = {}, duplicateWindowMs, maxAgeMs, replicas = 1 } = spec
    const refuse = (problem: string) => problems.push(`stream ${name}: ${problem}`)
    if (streams.filter(other => other.name === name).length > 1) refuse('expected a name once')
    for (const event of events) {
      if (owners.has(event)) refuse(`expected each event in one stream, got ${event} also in ${owners.get(event)}`)
      owners.set(event, name)
    }
    if (duplicateWindowMs > maxAgeMs) {
      refuse(`expected a duplicate window of at most maxAgeMs ${maxAgeMs}, got ${duplicateWindowMs}`)
    }
    if (retention === 'workqueue' && groups.length !== 1) refuse(`expected one group, got ${groups.length}`)
    if (tailGroup !== undefined && !groups.includes(tailGroup))
      refuse(`expected a tailGroup of its groups, got ${tailGroup}`)
    for (const group of Object.keys(starts)) {
      if (!groups.includes(group)) refuse(`expected a start of one of its groups, got ${group}`)
    }
    if (![1, 2, 3, 4, 5].includes(replicas)) refuse(`expected 1 to 5 replicas, got ${replicas}`)
  }
  return problems
}
