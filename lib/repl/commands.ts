import { BUFFER_COMMANDS } from './buffer-commands.ts'
import { GATEWAY_COMMANDS } from './gateway-commands.ts'

/** Every command of ours at the REPL. */
export const COMMANDS = [...BUFFER_COMMANDS, ...GATEWAY_COMMANDS]
