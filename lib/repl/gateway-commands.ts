import { type FleetAnswers, type GatewayBus, GatewayFleet } from '../push/gateway-fleet.ts'
import { LIMIT_COMMANDS } from './limit-commands.ts'
import { renderTable } from './render-table.ts'
import { type CommandSpec, replCommand } from './repl-command.ts'
import { SESSION_COMMANDS } from './session-commands.ts'
import { tellFailed } from './tell-failed.ts'

const DRAIN_DEFAULT = '20 s'

const gateways: CommandSpec<GatewayFleet> = {
  name: 'gateways',
  description: 'Gateways: who is there, ready, drained, and how full',
  async run(_input, fleet, print) {
    const asked = await fleet.ask('health', {})
    const table = renderTable(asked.answers, {
      node: ({ node }) => node,
      ready: ({ answer }) => (answer.ready ? 'yes' : 'NO'),
      draining: ({ answer }) => (answer.draining ? 'DRAINING' : 'no'),
      sessions: ({ answer }) => answer.sessions,
      instruments: ({ answer }) => answer.instruments,
      position: ({ answer }) => answer.q,
      'up since s': ({ answer }) => answer.uptimeS
    })
    tellFailed(asked, print)
    if (asked.answers.length > 0) print(table)
  }
}

const drain: CommandSpec<GatewayFleet> = {
  name: 'drain',
  words: ['node'],
  options: ['inMs'],
  description: 'Send the clients of one gateway to the others',
  async run(input, fleet, print) {
    const [node, inMs] = [input.word(0, 'node'), input.count('inMs')]
    const asked = await fleet.ask('drain', inMs === undefined ? {} : { inMs }, node)
    tellFailed(asked, print)
    for (const { answer } of asked.answers) {
      if (!answer.begun) {
        print(`${node} is being drained already, in the time that was said then. To change that: undrain ${node} first`)
        continue
      }
      const within = inMs === undefined ? DRAIN_DEFAULT : `${inMs} ms`
      print(`${node} takes no new clients; its ${answer.sessions} leave within ${within}. To go on: undrain ${node}`)
    }
  }
}

const undrain: CommandSpec<GatewayFleet> = {
  name: 'undrain',
  words: ['node'],
  description: 'Let a gateway take clients again',
  async run(input, fleet, print) {
    const node = input.word(0, 'node')
    const asked: FleetAnswers<{ sessions: number }> = await fleet.ask('undrain', {}, node)
    tellFailed(asked, print)
    for (const { answer } of asked.answers) print(`${node} takes clients again, and has ${answer.sessions}.`)
  }
}

export const GATEWAY_SPECS: readonly CommandSpec<GatewayFleet>[] = [
  gateways,
  ...SESSION_COMMANDS,
  ...LIMIT_COMMANDS,
  drain,
  undrain
]

/** What a person can do with the gateways at the REPL, with one by its node or with all. */
export const GATEWAY_COMMANDS = GATEWAY_SPECS.map(spec =>
  replCommand(spec, (broker: GatewayBus) => new GatewayFleet(broker))
)
