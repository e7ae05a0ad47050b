/** A pair of the synthetic market, in whole ticks and lots: no price is ever a float. */
export interface DemoPair {
  readonly base: string
  readonly quote: string
  /** The price begins here, in ticks of 10^-tickDecimals. */
  readonly ticks: number
  readonly tickDecimals: number
  /** A usual order in lots of 10^-lotDecimals. */
  readonly lots: number
  readonly lotDecimals: number
}

type Row = readonly [base: string, quote: string, price: string, lots: number, lotDecimals: number]

const ROWS: readonly Row[] = [
  ['BTC', 'USDT', '61837.64', 60_000, 5],
  ['ETH', 'USDT', '2683.81', 120_000, 4],
  ['BNB', 'USDT', '512.30', 15_000, 3],
  ['SOL', 'USDT', '156.20', 60_000, 3],
  ['XRP', 'USDT', '0.6123', 150_000, 1],
  ['DOGE', 'USDT', '0.10420', 90_000, 0],
  ['ADA', 'USDT', '0.3401', 200_000, 1],
  ['AVAX', 'USDT', '22.31', 30_000, 2],
  ['LINK', 'USDT', '10.62', 40_000, 2],
  ['DOT', 'USDT', '4.602', 50_000, 2],
  ['LTC', 'USDT', '61.42', 60_000, 3],
  ['BCH', 'USDT', '340.1', 12_000, 3],
  ['TRX', 'USDT', '0.1279', 300_000, 1],
  ['UNI', 'USDT', '6.012', 40_000, 2],
  ['ATOM', 'USDT', '4.713', 50_000, 2],
  ['ETC', 'USDT', '19.44', 30_000, 2],
  ['XLM', 'USDT', '0.0998', 120_000, 0],
  ['FIL', 'USDT', '3.791', 40_000, 2],
  ['NEAR', 'USDT', '4.108', 30_000, 1],
  ['ETH', 'BTC', '0.04340', 80_000, 4]
]

/** How many pairs have a known name; a larger market goes on with `DEMO21USDT`. */
export const NAMED_PAIRS = ROWS.length

/** The first `count` pairs. */
export function demoPairs(count: number): DemoPair[] {
  return Array.from({ length: count }, (_, index) => toPair(ROWS[index] ?? invented(index)))
}

function invented(index: number): Row {
  return [
    `DEMO${index + 1}`,
    'USDT',
    `${1 + (index % 97)}.${String((index * 37) % 10_000).padStart(4, '0')}`,
    20_000,
    2
  ]
}

function toPair([base, quote, price, lots, lotDecimals]: Row): DemoPair {
  const [whole = '', fraction = ''] = price.split('.')
  return { base, quote, ticks: Number(whole + fraction), tickDecimals: fraction.length, lots, lotDecimals }
}
