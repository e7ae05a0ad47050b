import type { GatewayFleet } from '../push/gateway-fleet.ts'
import { oneLine } from './one-line.ts'
import { renderTable } from './render-table.ts'
import type { CommandSpec } from './repl-command.ts'
import { badInput } from './repl-error.ts'
import { tellFailed } from './tell-failed.ts'

const SETTING = /^(\w{1,64})=(\d{1,12})$/

const limits: CommandSpec<GatewayFleet> = {
  name: 'limits',
  options: ['node', 'set'],
  description: 'Limits in force; --set changes one until the next start',
  async run(input, fleet, print) {
    const setting = input.text('set')
    const change = setting === undefined ? {} : readSetting(setting)
    const asked = await fleet.ask('limits', { change }, input.text('node'))
    tellFailed(asked, print)
    for (const { node, answer } of asked.answers) {
      const { limits, changeable, changed } = answer
      if (setting === undefined) {
        const rows = Object.entries(limits).map(([limit, value]) => ({ limit, value, range: changeable[limit] }))
        const table = renderTable(rows, {
          limit: ({ limit }) => limit,
          value: ({ value }) => value,
          'may be set to': ({ range }) => (range === undefined ? '' : `${range.min} to ${range.max}`)
        })
        print(`${node}\n${table}`)
      } else if (changed.length === 0) print(`${node}: it was so already.`)
      else
        for (const { limit, from, to } of changed)
          print(`${node}: ${limit} was ${from}, is ${to} until the next start.`)
    }
  }
}

function readSetting(text: string): Record<string, number> {
  const [, name, value] = SETTING.exec(text) ?? []
  if (name === undefined) badInput(`expected --set name=number, got ${oneLine(text, 80)}`)
  return { [name]: Number(value) }
}

export const LIMIT_COMMANDS: readonly CommandSpec<GatewayFleet>[] = [limits]
