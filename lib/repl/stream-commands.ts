import type { StreamState } from '../transport/stream-control.ts'
import { renderTable } from './render-table.ts'
import type { CommandSpec } from './repl-command.ts'
import { sizeText } from './size-text.ts'

const streams: CommandSpec = {
  name: 'buffer-streams',
  description: 'Streams: their room, and what a confirmed event outlives',
  async run(_input, buffer, print) {
    const states = await buffer('streams', {})
    const room = renderTable(states, {
      stream: ({ name }) => name,
      first: ({ firstSequence }) => firstSequence,
      last: ({ lastSequence }) => lastSequence,
      bytes: ({ bytes }) => sizeText(bytes),
      max: ({ maxBytes }) => sizeText(maxBytes),
      used: ({ bytes, maxBytes }) => `${Math.round((bytes / maxBytes) * 100)} %`,
      groups: ({ groups }) => groups.map(({ group }) => group).join(', '),
      epoch: ({ epoch }) => epoch
    })
    print(`${room}\n\nA confirmed event outlives\n${outlives(states)}`)
  }
}

function outlives(states: readonly StreamState[]): string {
  return renderTable(states, {
    stream: ({ name }) => name,
    'killed process': ({ ack }) => (ack.processCrash ? 'yes' : 'no'),
    'power failure': ({ ack }) => (ack.powerLoss ? 'yes' : 'no'),
    'servers lost for good': ({ ack }) => ack.replicaLosses,
    'why not more': ({ ack }) => ack.because.join('; ')
  })
}

const lag: CommandSpec = {
  name: 'buffer-lag',
  description: 'How far each group is behind',
  async run(_input, buffer, print) {
    const table = renderTable(await buffer('lag', {}), {
      stream: ({ stream }) => stream,
      group: ({ group }) => group,
      lag: ({ pending }) => pending,
      'acknowledged to': ({ ackFloor }) => ackFloor,
      'delivered to': ({ delivered }) => delivered,
      redelivered: ({ redelivered }) => redelivered,
      paused: ({ paused }) => (paused ? 'PAUSED' : 'no')
    })
    print(table)
  }
}

const pause: CommandSpec = {
  name: 'buffer-pause',
  words: ['stream', 'group'],
  description: 'Hand nothing to a group until it is resumed',
  async run(input, buffer, print) {
    const [stream, group] = [input.word(0, 'stream'), input.word(1, 'group')]
    await buffer('pause', { stream, group })
    print(`Group ${group} of ${stream} is paused; what comes is kept for it while the stream has room and age.`)
    print(`To go on: buffer-resume ${stream} ${group}`)
  }
}

const resume: CommandSpec = {
  name: 'buffer-resume',
  words: ['stream', 'group'],
  description: 'Go on with a paused group',
  async run(input, buffer, print) {
    const [stream, group] = [input.word(0, 'stream'), input.word(1, 'group')]
    await buffer('resume', { stream, group })
    print(`Group ${group} of ${stream} goes on; buffer-lag shows how it catches up.`)
  }
}

const stats: CommandSpec = {
  name: 'buffer-stats',
  description: 'What the buffer did since its start, counted',
  async run(_input, buffer, print) {
    const { transport, ...own } = await buffer('stats', {})
    print(`The buffer\n${counters(own)}\n\nThe transporter of its node\n${counters(transport)}`)
  }
}

function counters(counts: object): string {
  return renderTable(Object.entries(counts), {
    what: ([name]) => name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`),
    count: ([, count]) => Number(count)
  })
}

/** Streams and their groups. */
export const STREAM_COMMANDS: readonly CommandSpec[] = [streams, lag, pause, resume, stats]
