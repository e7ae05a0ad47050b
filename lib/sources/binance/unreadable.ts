import type { Mapping } from '../source.ts'

const SAMPLE_CHARACTERS = 200

/** The outcome for a text that is no payload of the venue. */
export function unreadable(reason: string, text: string): Mapping {
  return { kind: 'unreadable', reason, sample: text.slice(0, SAMPLE_CHARACTERS) }
}
