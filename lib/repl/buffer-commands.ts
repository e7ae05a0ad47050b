import { bufferOf } from './buffer-actions.ts'
import { EVENT_COMMANDS } from './event-commands.ts'
import { LETTER_COMMANDS } from './letter-commands.ts'
import { replCommand } from './repl-command.ts'
import { REPLAY_COMMANDS } from './replay-commands.ts'
import { STREAM_COMMANDS } from './stream-commands.ts'

/**
 * What a person can do with the service `buffer` at the REPL, wherever it runs. The commands have names with a hyphen instead
 * of being subcommands of one: so `help` lists each with its line, `help buffer-read` tells its options, and Tab completes it.
 */
export const BUFFER_COMMANDS = [...STREAM_COMMANDS, ...EVENT_COMMANDS, ...REPLAY_COMMANDS, ...LETTER_COMMANDS].map(
  spec => replCommand(spec, bufferOf)
)
