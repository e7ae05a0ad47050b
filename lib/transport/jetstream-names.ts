import { DEAD_NAME, serverName as token } from './server-name.ts'
import type { StreamSpec } from './stream-spec.ts'

/** Names and subjects in the server, all under the broker's prefix (`MOL-<namespace>`). */
export interface JetStreamNames {
  stream(spec: StreamSpec): string
  /** All subjects of a stream. */
  subjects(spec: StreamSpec): string
  subject(spec: StreamSpec, event: string): string
  consumer(group: string): string
  readonly deadStream: string
  readonly deadSubjects: string
  deadSubject(spec: StreamSpec, group: string): string
  /** Where the nodes of a group take one event besides the stream. */
  handOverSubject(stream: string, group: string): string
  /** Where the nodes of a group hear that it was paused or resumed. */
  groupSubject(stream: string, group: string): string
}

export function jetStreamNames(prefix: string): JetStreamNames {
  const streamPrefix = token(prefix)
  return {
    stream: ({ name }) => `${streamPrefix}-${token(name)}`,
    subjects: ({ name }) => `${prefix}.JS.${token(name)}.>`,
    subject: ({ name }, event) => `${prefix}.JS.${token(name)}.${event}`,
    consumer: token,
    deadStream: `${streamPrefix}-${DEAD_NAME}`,
    deadSubjects: `${prefix}.DEAD.>`,
    deadSubject: ({ name }, group) => `${prefix}.DEAD.${token(name)}.${token(group)}`,
    handOverSubject: (stream, group) => `${prefix}.HANDOVER.${token(stream)}.${token(group)}`,
    groupSubject: (stream, group) => `${prefix}.GROUP.${token(stream)}.${token(group)}`
  }
}
