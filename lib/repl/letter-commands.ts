import type { DeadLetter } from '../transport/dead-letter.ts'
import type { CallBuffer } from './buffer-actions.ts'
import { oneLine } from './one-line.ts'
import { payloadText } from './payload-text.ts'
import { renderTable } from './render-table.ts'
import type { CommandSpec } from './repl-command.ts'
import { sizeText } from './size-text.ts'
import { timeText } from './time-text.ts'

const DEFAULT_LETTERS = 20
/** What one call takes. */
const MOST_NUMBERS = 100
const ERROR_CHARACTERS = 100

const letters: CommandSpec = {
  name: 'buffer-letters',
  options: ['after', 'limit'],
  description: 'Dead letters: the events that groups gave up',
  async run(input, buffer, print) {
    const limit = input.count('limit') ?? DEFAULT_LETTERS
    const page = await buffer('deadLetters', { after: input.count('after') ?? 0, limit })
    const last = page.letters.at(-1)
    if (last === undefined) return print(page.count === 0 ? 'There is no dead letter.' : 'There is none behind that.')
    const table = renderTable(page.letters, {
      letter: ({ number }) => number,
      'given up': ({ time }) => timeText(time),
      stream: ({ stream }) => stream,
      group: ({ group }) => group,
      event: ({ event }) => event ?? 'unreadable',
      size: ({ bytes }) => sizeText(bytes),
      tries: ({ deliveries }) => deliveries,
      reason: ({ reason }) => reason,
      error: ({ error }) => oneLine(error, ERROR_CHARACTERS)
    })
    print(`${table}\n${page.letters.length} of ${page.count}.`)
    if (page.letters.length === limit && page.count > limit) print(`More: buffer-letters --after ${last.number}`)
  }
}

const letter: CommandSpec = {
  name: 'buffer-letter',
  words: ['number'],
  description: 'One dead letter with its payload',
  async run(input, buffer, print) {
    const { payload, ...about } = await buffer('deadLetter', { number: input.number(0, 'letter') })
    print(`${about.event ?? 'What is unreadable'}, given up by ${about.group} at ${timeText(about.time)}`)
    print(`${circumstances(about)}\n${payloadText(payload)}`)
  }
}

function circumstances({ stream, sequence, epoch, bytes, reason, deliveries, node, error }: DeadLetter): string {
  return [
    `stored    ${stream} ${sequence} of epoch ${epoch}, ${sizeText(bytes)}`,
    `given up  ${reason} after ${deliveries} deliveries, last on ${node}`,
    `error     ${oneLine(error)}`
  ].join('\n')
}

const retry: CommandSpec = {
  name: 'buffer-retry',
  words: ['numbers...'],
  description: 'Hand dead letters to their group again: numbers, or all',
  async run(input, buffer, print) {
    const numbers = input.words.join() === 'all' ? await allNumbers(buffer) : input.numbers()
    const gone: number[] = []
    let [handled, stay] = [0, 0]
    // One by one: however many there are, each has the time of a call, and what fails is seen at once.
    for (const number of numbers) {
      const result = await buffer('retryDeadLetters', { numbers: [number] })
      for (const { error } of result.failed) print(`Letter ${number} stays: ${oneLine(error)}`)
      if (result.left.length > 0) print(`Letter ${number} stays until its handler, which is still at it, ends well.`)
      if (result.handled.length + result.failed.length + result.left.length === 0) gone.push(number)
      handled += result.handled.length
      stay += result.failed.length + result.left.length
    }
    print(`${handled} handled and removed, ${stay} stay${gone.length > 0 ? `; not there: ${gone.join(', ')}` : ''}.`)
  }
}

/** Those that are there now. Bounded by what is kept of dead letters. */
async function allNumbers(buffer: CallBuffer): Promise<number[]> {
  const numbers: number[] = []
  for (;;) {
    const page = await buffer('deadLetters', { after: numbers.at(-1) ?? 0, limit: MOST_NUMBERS })
    numbers.push(...page.letters.map(({ number }) => number))
    // One that comes meanwhile has a greater number: the end is what was there at first.
    if (page.letters.length < MOST_NUMBERS) return numbers
  }
}

const remove: CommandSpec = {
  name: 'buffer-remove',
  words: ['numbers...'],
  description: 'Remove dead letters for good',
  async run(input, buffer, print) {
    const numbers = input.numbers()
    let removed = 0
    for (let at = 0; at < numbers.length; at += MOST_NUMBERS) {
      removed += await buffer('removeDeadLetters', { numbers: numbers.slice(at, at + MOST_NUMBERS) })
    }
    print(`Removed ${removed} of ${numbers.length}${removed < numbers.length ? '; the others were not there' : ''}.`)
  }
}

export const LETTER_COMMANDS: readonly CommandSpec[] = [letters, letter, retry, remove]
