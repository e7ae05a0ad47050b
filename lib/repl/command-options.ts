import { TIME_FORMS } from './time-text.ts'

/**
 * The options of the commands, by the names under which commander gives their values. Their values stand in square brackets
 * although they are needed: for one that is missing commander would throw what the REPL logs with a stack.
 */
export const COMMAND_OPTIONS = {
  from: { option: '--from [time]', description: `begin with what was stored then: ${TIME_FORMS}` },
  after: { option: '--after [number]', description: 'begin behind this sequence, number of a letter or of a session' },
  upTo: { option: '--up-to [sequence]', description: 'end with this one' },
  limit: { option: '--limit [count]', description: 'so many at most' },
  full: { option: '--full', description: 'show payloads in full' },
  confirm: { option: '--confirm [stream]', description: "do it: the stream's name once more" },
  node: { option: '--node [node]', description: 'one gateway, by the name of its node; without it all' },
  user: { option: '--user [name]', description: 'sessions of this user' },
  address: { option: '--address [address]', description: 'sessions from there' },
  plan: { option: '--plan [name]', description: 'sessions with this plan' },
  sid: { option: '--sid [sid]', description: 'sessions with this subscription' },
  retry: { option: '--retry', description: 'clients may come back, after a while' },
  set: { option: '--set [name=number]', description: 'change a limit until the next start' },
  inMs: { option: '--in-ms [milliseconds]', description: 'whoever is left by then is closed' }
} as const satisfies Record<string, { option: string; description: string }>

export type OptionName = keyof typeof COMMAND_OPTIONS
