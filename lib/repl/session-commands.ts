import type { GatewayFleet } from '../push/gateway-fleet.ts'
import type { SessionDetails, SessionSummary } from '../push/session-view.ts'
import { renderTable } from './render-table.ts'
import type { CommandSpec } from './repl-command.ts'
import { ReplError } from './repl-error.ts'
import { sizeText } from './size-text.ts'
import { tellFailed } from './tell-failed.ts'
import { timeText } from './time-text.ts'

const DEFAULT_SESSIONS = 20

const sessions: CommandSpec<GatewayFleet> = {
  name: 'sessions',
  options: ['user', 'address', 'plan', 'sid', 'node', 'after', 'limit'],
  description: 'Who is connected, and how they keep up',
  async run(input, fleet, print) {
    const limit = input.count('limit') ?? DEFAULT_SESSIONS
    const filter = {
      user: input.text('user'),
      address: input.text('address'),
      plan: input.text('plan'),
      sid: input.text('sid')
    }
    const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== undefined)
    const [node, after] = [input.text('node'), input.count('after')]
    const params = { ...Object.fromEntries(given), ...(after === undefined ? {} : { after }), limit }
    const asked = await fleet.ask('sessions', params, node)
    tellFailed(asked, print)
    const rows = asked.answers.flatMap(({ node, answer }) => answer.sessions.map(session => ({ node, ...session })))
    if (rows.length > 0) print(sessionTable(rows))
    const options = given.map(([name, text]) => ` --${name} ${text}`).join('')
    for (const { node, answer } of asked.answers) {
      const { matched, total, next } = answer
      print(`${node}: ${answer.sessions.length} shown, ${matched} match, ${total} in all.`)
      if (next !== null) print(`More: sessions --node ${node}${options} --after ${next} --limit ${limit}`)
    }
  }
}

function sessionTable(rows: readonly (SessionSummary & { node: string })[]): string {
  return renderTable(rows, {
    session: ({ id }) => id,
    node: ({ node }) => node,
    user: ({ user }) => user ?? '-',
    plan: ({ plan }) => plan ?? '-',
    address: ({ address }) => address,
    by: ({ transport }) => transport,
    since: ({ connectedAt }) => timeText(connectedAt),
    subs: ({ subscriptions }) => subscriptions,
    keys: ({ symbols }) => symbols,
    messages: ({ messages }) => messages,
    unsent: ({ unsentBytes }) => sizeText(unsentBytes),
    skipped: ({ skippedTicks }) => skippedTicks,
    behind: ({ isBehind }) => (isBehind ? 'BEHIND' : 'no'),
    'lag ms': ({ lagMs }) => lagMs ?? '-'
  })
}

const session: CommandSpec<GatewayFleet> = {
  name: 'session',
  words: ['id'],
  options: ['node'],
  description: 'One session: its subscriptions and rights',
  async run(input, fleet, print) {
    const id = input.word(0, 'session')
    const asked = await fleet.ask('session', { id }, input.text('node'))
    tellFailed(asked, print)
    const found = asked.answers.flatMap(({ node, answer }) => (answer === null ? [] : [{ node, ...answer }]))
    if (found.length === 0) throw new ReplError('refused', 'there is no such session on the gateways that answered')
    for (const details of found)
      print(`${sessionTable([details])}\n\n${subscriptionTable(details)}\n\n${rights(details)}`)
  }
}

function subscriptionTable({ subs, subscriptions, q, epoch }: SessionDetails): string {
  const table = renderTable(subs, {
    sid: ({ sid }) => sid,
    mode: ({ mode }) => mode,
    ms: ({ intervalMs }) => intervalMs,
    keys: ({ keys }) => keys,
    patterns: ({ patterns }) => patterns,
    matched: ({ matched }) => matched,
    'sent to': ({ q }) => q,
    skipped: ({ skippedTicks }) => skippedTicks,
    behind: ({ isBehind }) => (isBehind ? 'BEHIND' : 'no'),
    fields: ({ fields }) => fields.join(','),
    names: ({ keys, patterns, firstKeys, firstPatterns }) => {
      const shown = [...firstPatterns, ...firstKeys]
      return `${shown.join(' ')}${shown.length < keys + patterns ? ' …' : ''}`
    }
  })
  return `${table}\n${subs.length} of ${subscriptions}. The board is at ${q} of epoch ${epoch}.`
}

function rights({ rights: { patterns, expiresAt, limits } }: SessionDetails): string {
  const until = expiresAt === null ? 'no end' : timeText(expiresAt)
  const { symbols, subscriptions, messagesPerSecond, minIntervalMs } = limits
  return [
    `may see   ${patterns.join(' ') || 'nothing'}`,
    `login     ${until}`,
    `limits    ${symbols} keys, ${subscriptions} subscriptions, ${messagesPerSecond} messages/s, from ${minIntervalMs} ms`
  ].join('\n')
}

const kick: CommandSpec<GatewayFleet> = {
  name: 'kick',
  words: ['session'],
  options: ['retry', 'node'],
  description: 'Close a session for good; --retry lets it come back',
  run: (input, fleet, print) =>
    close(fleet, { session: input.word(0, 'session') }, input.flag('retry'), input.text('node'), print)
}

const kickUser: CommandSpec<GatewayFleet> = {
  name: 'kick-user',
  words: ['user'],
  options: ['retry', 'node'],
  description: 'Close all sessions of a user; --retry lets them back',
  run: (input, fleet, print) =>
    close(fleet, { user: input.word(0, 'user') }, input.flag('retry'), input.text('node'), print)
}

async function close(
  fleet: GatewayFleet,
  target: { session?: string; user?: string },
  retry: boolean,
  node: string | undefined,
  print: (text: string) => void
): Promise<void> {
  const asked = await fleet.ask('kick', { ...target, retry }, node)
  tellFailed(asked, print)
  const closed = asked.answers.reduce((sum, { answer }) => sum + answer.kicked.length, 0)
  if (closed === 0) return print('No session is like that; nothing was closed.')
  print(`Closed ${closed}, told ${retry ? 'to come back later' : 'not to come back'}. Who may log in may connect anew.`)
}

export const SESSION_COMMANDS: readonly CommandSpec<GatewayFleet>[] = [sessions, session, kick, kickUser]
