import type { BoardView, Candidate } from '../../lib/quote/board.ts'
import { positionOf } from '../../lib/quote/position.ts'
import { makeQuote, type QuoteParts } from '../history/make-quote.ts'

/** A handful of candidates of one instrument and what the board must show once all were merged, in any order. */
export interface MergeCase {
  name: string
  candidates: Candidate[]
  visible: Partial<BoardView>
}

const T = 1_700_000_000_000_000
const KEY = 'demo:spot:MERGE'

/** A candidate of the trade group at stream sequence `at`; times count from {@link T}. */
function trade(at: number, last: string, parts: QuoteParts = {}): Candidate {
  return candidate(at, { last, lastSize: null, ...parts })
}

function candidate(at: number, parts: QuoteParts, epoch = 'e1'): Candidate {
  const observedTime = parts.observedTime ?? T + at
  const id = `${KEY}|${parts.src?.channel ?? 'trade'}|${at}`
  return { quote: makeQuote({ id, ...parts, key: KEY, observedTime }), epoch, q: positionOf(at, 0) }
}

const seq = (value: string, kind = 't') => ({ seq: value, seqKind: kind })

export const MERGE_CASES: readonly MergeCase[] = [
  {
    name: 'a newer sequence wins',
    candidates: [trade(1, '1', seq('9')), trade(2, '2', seq('10')), trade(3, '3', seq('11'))],
    visible: { last: '3', q: positionOf(3, 0), observedTime: T + 3 }
  },
  {
    name: 'an older sequence that comes late never hides the newer',
    candidates: [trade(1, 'new', seq('100')), trade(2, 'old', seq('99')), trade(3, 'older', seq('5'))],
    visible: { last: 'new', q: positionOf(1, 0) }
  },
  {
    name: 'among equal sequences the newer exchange time wins, then the newer observation',
    candidates: [
      trade(1, 'a', { ...seq('7'), exchangeTime: T + 5 }),
      trade(2, 'b', { ...seq('7'), exchangeTime: T + 6, observedTime: T + 10 }),
      trade(3, 'c', { ...seq('7'), exchangeTime: T + 6, observedTime: T + 11 }),
      trade(4, 'd', { ...seq('7'), exchangeTime: null, observedTime: T + 99 })
    ],
    visible: { last: 'c', exchangeTime: T + 6, q: positionOf(3, 0) }
  },
  {
    name: 'without a sequence the exchange time decides, and any sequence beats none',
    candidates: [
      trade(1, 'a', { exchangeTime: T + 50, observedTime: T + 50 }),
      trade(2, 'b', { exchangeTime: T + 40, observedTime: T + 60 }),
      trade(3, 'c', { ...seq('1'), exchangeTime: T + 1, observedTime: T + 1 })
    ],
    visible: { last: 'c' }
  },
  {
    name: 'without sequence and exchange time the observed time decides; null is less than time 0',
    candidates: [
      trade(1, 'a', { observedTime: T + 3 }),
      trade(2, 'b', { observedTime: T + 4 }),
      trade(3, 'c', { exchangeTime: 0, observedTime: T + 1 })
    ],
    visible: { last: 'c', exchangeTime: 0 }
  },
  {
    name: 'two channels of one group do not compete by sequence: the newer observation shows',
    candidates: [
      candidate(1, { bid: '1', bidSize: '1', ask: '2', askSize: '1', ...seq('900', 'u'), src: { channel: '@book' } }),
      candidate(2, {
        ...{ bid: '3', bidSize: null, ask: '4', askSize: null, observedTime: T },
        ...{ ...seq('5', 'r'), src: { channel: 'bookTicker', kind: 'rest' } }
      }),
      candidate(3, {
        ...{ bid: '5', bidSize: null, ask: '6', askSize: null, observedTime: T + 9 },
        ...{ ...seq('4', 'r'), src: { channel: 'bookTicker', kind: 'rest' } }
      })
    ],
    visible: { bid: '1', bidSize: '1', ask: '2' }
  },
  {
    name: 'groups are merged apart: a row shows the newest of each, and unknown values of the newest stay unknown',
    candidates: [
      trade(1, '10', { lastSize: '1', ...seq('1') }),
      candidate(2, { bid: '9', bidSize: '1', ask: null, askSize: null, src: { channel: '@book' } }),
      candidate(3, {
        ...{ last: '11', lastSize: null, src: { channel: '24hr' } },
        ...{ open: '1', high: '2', low: '0.5', prevClose: null, volume: '3', turnover: '4', window: 'rolling24h' }
      }),
      trade(4, '12', { lastSize: null, ...seq('2'), observedTime: T + 2 })
    ],
    visible: { last: '11', lastSize: null, bid: '9', ask: null, open: '1', window: 'rolling24h', q: positionOf(3, 0) }
  },
  {
    name: 'a sequence that started again outranks the old one, and a second restart the first',
    candidates: [
      trade(1, 'old', seq('999999999', 'u')),
      trade(2, 'restarted', seq('5', 'u~1700000000000000')),
      trade(3, 'restarted again', seq('1', 'u~1700000009000000')),
      trade(4, 'late', seq('1000000000', 'u'))
    ],
    visible: { last: 'restarted again' }
  },
  {
    name: 'sequences beyond 2^53 and 2^64 keep their last digit',
    candidates: [
      trade(1, 'a', seq('9007199254740992')),
      trade(2, 'b', seq('9007199254740993')),
      trade(3, 'c', seq('123456789012345678901')),
      trade(4, 'd', seq('123456789012345678902'))
    ],
    visible: { last: 'd' }
  },
  {
    name: 'a redelivered observation keeps its smallest position',
    candidates: [7, 3, 5].map(at => trade(at, '1', { ...seq('1'), id: `${KEY}|trade|1`, observedTime: T })),
    visible: { last: '1', q: positionOf(3, 0), epoch: 'e1' }
  },
  {
    name: 'positions and epochs decide the last ties: before the stream, then the later name',
    candidates: [
      candidate(0, { last: '1', lastSize: null, observedTime: T }, ''),
      candidate(0, { last: '1', lastSize: null, observedTime: T }, 'e1'),
      candidate(0, { last: '1', lastSize: null, observedTime: T }, 'e2'),
      candidate(1, { last: '1', lastSize: null, observedTime: T }, 'e9')
    ],
    visible: { last: '1', q: 0, epoch: 'e2' }
  },
  {
    name: 'groups of two epochs are shown at a position of the newer one, not at the greater one of the older',
    candidates: [
      candidate(900, { last: '1', lastSize: null, observedTime: T }, 'e1'),
      candidate(
        2,
        { bid: '1', bidSize: null, ask: '2', askSize: null, observedTime: T + 1, src: { channel: 'b' } },
        'e2'
      )
    ],
    visible: { last: '1', bid: '1', q: positionOf(2, 0), epoch: 'e2' }
  },
  {
    name: 'channels that were observed in the same microsecond at the same position show the same one everywhere',
    candidates: ['a', 'b', 'c'].map(channel =>
      candidate(0, { last: channel, lastSize: null, observedTime: T, src: { channel } }, '')
    ),
    visible: { last: 'c' }
  }
]
