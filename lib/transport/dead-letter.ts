/** Why an event was given up: a closed list. */
export const DEAD_LETTER_REASONS = [
  /** The handler failed at every delivery. */
  'failed',
  /** The payload is not what the handler's schema asks for. */
  'invalid',
  /** The message cannot be read as an event. */
  'unreadable'
] as const
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number]

/** An event that a group gave up; its encoded packet is kept with it, here and in a server. */
export interface DeadLetter {
  /** Its number among the dead letters, ascending. */
  number: number
  stream: string
  group: string
  /** Null when it could not be read. */
  event: string | null
  reason: DeadLetterReason
  /** The last error's message, at most 500 characters. */
  error: string
  deliveries: number
  /** Where it was in its stream. */
  epoch: string
  sequence: number
  node: string
  /** Microseconds since the Unix epoch. */
  time: number
  bytes: number
}

export interface DeadLetterPage {
  /** All that are kept. */
  count: number
  letters: DeadLetter[]
}

export const DEAD_LETTERS_PER_PAGE = 100
export const DEAD_LETTER_ERROR_CHARACTERS = 500

/** The number of letters that a page of `limit` may hold: 1 to 100. */
export function pageLimit(limit: number): number {
  return Math.max(1, Math.min(DEAD_LETTERS_PER_PAGE, Math.floor(limit) || 1))
}
