import { oneLine } from './one-line.ts'
import { renderTable } from './render-table.ts'
import type { CommandSpec } from './repl-command.ts'

const replay: CommandSpec = {
  name: 'buffer-replay',
  words: ['stream', 'group'],
  options: ['from', 'after', 'upTo'],
  description: 'Hand stored events to one group again',
  async run(input, buffer, print) {
    const [stream, group] = [input.word(0, 'stream'), input.word(1, 'group')]
    const id = await buffer('replay', { stream, group, ...input.range() })
    print(
      `Replay ${id} of ${stream} to ${group} has begun: buffer-replays shows it, buffer-stop-replay ${id} stops it.`
    )
  }
}

const replays: CommandSpec = {
  name: 'buffer-replays',
  description: 'Replays under way, and the last that ended',
  async run(_input, buffer, print) {
    const reports = await buffer('replays', {})
    if (reports.length === 0) return print('There was no replay since the buffer started.')
    const table = renderTable(reports, {
      replay: ({ id }) => id,
      stream: ({ stream }) => stream,
      group: ({ group }) => group,
      state: ({ state }) => state,
      'done to': ({ position }) => position,
      'ends at': ({ upTo }) => upTo,
      handled: ({ handled }) => handled,
      failed: ({ failed }) => failed
    })
    print(table)
    for (const { id, errors } of reports) {
      for (const { sequence, error } of errors) print(`Replay ${id}, event ${sequence}: ${oneLine(error)}`)
    }
    const waits = reports.filter(({ state }) => state === 'waiting').map(({ group }) => group)
    if (waits.length > 0) print(`Waiting: no node handles ${waits.join(', ')}, or what it needs is away.`)
  }
}

const stopReplay: CommandSpec = {
  name: 'buffer-stop-replay',
  words: ['id'],
  description: 'Stop a replay',
  async run(input, buffer, print) {
    const id = input.number(0, 'replay')
    await buffer('stopReplay', { id })
    print(`Replay ${id} stops.`)
  }
}

export const REPLAY_COMMANDS: readonly CommandSpec[] = [replay, replays, stopReplay]
