import type { ReadEvent } from '../buffer/read-page.ts'
import { payloadSummary, payloadText } from './payload-text.ts'
import { renderTable } from './render-table.ts'
import type { CommandSpec } from './repl-command.ts'
import { ReplError } from './repl-error.ts'
import { fieldsOf } from './service-problem.ts'
import { timeText } from './time-text.ts'

const DEFAULT_EVENTS = 20

const read: CommandSpec = {
  name: 'buffer-read',
  words: ['stream'],
  options: ['from', 'after', 'upTo', 'limit', 'full'],
  description: 'Show stored events',
  async run(input, buffer, print) {
    const [stream, range] = [input.word(0, 'stream'), input.range()]
    const [limit, full] = [input.count('limit') ?? DEFAULT_EVENTS, input.flag('full')]
    const { events, next } = await buffer('read', { stream, ...range, limit })
    if (events.length === 0) return print(`Stream ${stream} holds nothing there.`)
    print(full ? events.map(fullEvent).join('\n') : eventTable(events))
    if (next === null) return
    const upTo = range.upTo === undefined ? '' : ` --up-to ${range.upTo}`
    print(`More: buffer-read ${stream} --after ${next}${upTo} --limit ${limit}${full ? ' --full' : ''}`)
  }
}

function eventTable(events: readonly ReadEvent[]): string {
  return renderTable(events, {
    sequence: ({ sequence }) => sequence,
    stored: ({ time }) => timeText(time),
    event: ({ event }) => event ?? 'unreadable',
    payload: ({ payload }) => payloadSummary(payload)
  })
}

function fullEvent({ sequence, time, event, payload }: ReadEvent): string {
  return `${sequence}  ${timeText(time)}  ${event ?? 'unreadable'}\n${payloadText(payload)}`
}

const purge: CommandSpec = {
  name: 'buffer-purge',
  words: ['stream'],
  options: ['upTo', 'confirm'],
  description: 'Remove stored events; without --confirm it says which',
  async run(input, buffer, print) {
    const [stream, upTo, confirm] = [input.word(0, 'stream'), input.count('upTo'), input.text('confirm')]
    try {
      print(`Removed ${await buffer('purge', { stream, upTo, confirm })} events of stream ${stream}.`)
    } catch (error) {
      const asked = purgeQuestion(error)
      if (asked === undefined) throw error
      const { events, behind } = asked
      if (events === 0) return print(`Stream ${stream} holds nothing up to ${asked.upTo}.`)
      print(`Nothing is removed yet. At most ${events} events of stream ${stream} would be, up to ${asked.upTo}.`)
      print(`Not acknowledged in full by: ${behind.join(', ') || 'nobody, all groups have them'}.`)
      // The stream goes on meanwhile: what is confirmed is what was shown.
      print(`To remove them: buffer-purge ${stream} --up-to ${asked.upTo} --confirm ${stream}`)
    }
  }
}

/** What a purge would remove, from the error by which the service asks for confirmation. */
function purgeQuestion(error: unknown): { events: number; behind: string[]; upTo: number } | undefined {
  if (!(error instanceof ReplError)) return undefined
  const { type, data } = fieldsOf(error.cause)
  if (type !== 'NOT_CONFIRMED' || typeof data !== 'object' || data === null) return undefined
  const { events, behind, upTo }: { events?: unknown; behind?: unknown; upTo?: unknown } = data
  if (typeof events !== 'number' || typeof upTo !== 'number' || !Array.isArray(behind)) return undefined
  return { events, upTo, behind: behind.map(String) }
}

/** What stands in streams. */
export const EVENT_COMMANDS: readonly CommandSpec[] = [read, purge]
