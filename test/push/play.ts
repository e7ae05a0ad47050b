import type { TestContext } from 'node:test'
import type { HubOptions } from '../../lib/push/hub-options.ts'
import type { PushLimits } from '../../lib/push/limits.ts'
import { MemoryPlaybackHistory } from '../../lib/push/memory-playback-history.ts'
import type { PlaybackHistory } from '../../lib/push/playback-history.ts'
import { type BoardRow, emptyRow, mergeQuote, viewRow } from '../../lib/quote/board.ts'
import { type Quote, VALUE_FIELDS } from '../../lib/quote/quote.ts'
import type { ClientRow, ProtocolClient, ServerFrame } from '../kit/protocol-client.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { OPENING } from './make-quotes.ts'
import { ManualClock } from './manual-clock.ts'
import { openPush, type Push } from './open-push.ts'

/** The day after the tests' markets have opened. */
export const NEXT_DAY = OPENING + 86_400_000_000
/** No ping is answered while the clock jumps, and no test is about the rate of messages. */
const LIMITS: Partial<PushLimits> = { pingMs: 1e9, messagesPerSecond: 1e6, messageBurst: 1e6 }

export interface Stage extends Push {
  clock: ManualClock
}

/** A gateway on a clock that stands at the next day, with a history. */
export async function openStage(
  t: TestContext,
  history: PlaybackHistory | readonly Quote[],
  { limits, clock: given, ...options }: Partial<HubOptions> & { clock?: ManualClock } = {}
): Promise<Stage> {
  const clock = given ?? new ManualClock(NEXT_DAY)
  const played = 'page' in history ? history : new MemoryPlaybackHistory(history)
  const push = await openPush(t, { clock, history: played, ...options, limits: { ...LIMITS, ...limits } })
  return { ...push, clock }
}

export function playedOf(client: ProtocolClient, sid: string): ServerFrame | undefined {
  return client.of('played').find(message => message.sid === sid)
}

/** Waits for the end of a playback, and tells how it ended. */
export async function untilPlayed(client: ProtocolClient, sid: string): Promise<ServerFrame> {
  await waitUntil('it has played', () => playedOf(client, sid) !== undefined)
  return playedOf(client, sid) as ServerFrame
}

/** What a row shows, without what belongs to the way it came. */
export function valuesOf(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown = ['key', ...VALUE_FIELDS, 'status', 'exchangeTime', 'receivedTime'].filter(
    name => row[name] !== undefined
  )
  return Object.fromEntries(shown.map(name => [name, row[name]]))
}

/** The values of the rows that follow from quotes, one for each that changes something, and of the board behind the last. */
export function expectedRows(quotes: readonly Quote[]): { rows: object[]; board: Map<string, object> } {
  const board = new Map<string, BoardRow>()
  const rows: object[] = []
  for (const [q, quote] of quotes.entries()) {
    const row = board.get(quote.key) ?? emptyRow(quote.key)
    board.set(quote.key, row)
    if (mergeQuote(row, { quote, epoch: 'model', q }).length > 0) rows.push(valuesOf({ ...viewRow(row) }))
  }
  return { rows, board: new Map([...board].map(([key, row]) => [key, valuesOf({ ...viewRow(row) })])) }
}

/** All rows that came in `quotes` frames of a subscription, in order. */
export function rowsOf(client: ProtocolClient, sid: string): ClientRow[] {
  return client.of('quotes').flatMap(frame => (frame.sid === sid ? (frame.data as ClientRow[]) : []))
}

export function errorsOf(client: ProtocolClient): number {
  return client.losses + client.duplicates + client.regressions + client.strays
}

/** Quotes in the order in which they are played: by observed time, then key, then id. */
export function inOrder(quotes: readonly Quote[]): Quote[] {
  const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  return quotes.toSorted(
    (a, b) => a.observedTime - b.observedTime || compareText(a.key, b.key) || compareText(a.id, b.id)
  )
}
