import { styleText } from 'node:util'
import type { CallBuffer } from './buffer-actions.ts'
import { CommandInput } from './command-input.ts'
import { COMMAND_OPTIONS, type OptionName } from './command-options.ts'
import { ReplError } from './repl-error.ts'

/** A command of ours, on what it is given to work with. */
export interface CommandSpec<Target = CallBuffer> {
  name: string
  /** What stands behind it; the last may be several: `numbers...`. */
  words?: readonly string[]
  options?: readonly OptionName[]
  /** One line. */
  description: string
  /** What it prints is for a person. @throws ReplError for what is told in one line. */
  run(input: CommandInput, target: Target, print: (text: string) => void): Promise<void>
}

/** A command as Moleculer's `replOptions.customCommands` takes it and moleculer-repl declares it on commander. */
export interface ReplCommand<Broker> {
  command: string
  description: string
  options: { option: string; description: string }[]
  /** Commander's own refusal of a word too many would be logged with a stack. */
  allowUnknownOptions: true
  /** Keeps what was typed: moleculer-repl by itself hands on only the first of several words. */
  parse(command: CommanderCommand): void
  action(broker: Broker, input: unknown): Promise<void>
}

/** What is needed of commander's command. */
interface CommanderCommand {
  args: string[]
  opts(): Record<string, unknown>
  /** Handed to `action`. */
  params?: unknown
}

/** @param open what the command works with, on the broker of the REPL */
export function replCommand<Target, Broker>(
  spec: CommandSpec<Target>,
  open: (broker: Broker) => Target,
  print: (text: string) => void = console.log
): ReplCommand<Broker> {
  const { name, words = [], options = [], description, run } = spec
  const command = [name, ...words.map(word => `<${word}>`)].join(' ')
  const mostWords = words.at(-1)?.endsWith('...') === true ? Number.POSITIVE_INFINITY : words.length
  return {
    command,
    description,
    options: options.map(option => ({ ...COMMAND_OPTIONS[option] })),
    allowUnknownOptions: true,
    parse(typed) {
      typed.params = new CommandInput(typed.args, typed.opts())
    },
    async action(broker, input) {
      if (!(input instanceof CommandInput)) throw new TypeError(`expected what parse of ${name} kept`)
      try {
        input.check(name, mostWords)
        await run(input, open(broker), print)
      } catch (error) {
        if (!(error instanceof ReplError)) throw error
        print(styleText('red', `${name}: ${error.message}`))
      }
    }
  }
}
