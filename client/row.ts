/** Prices and sizes are decimal texts; null is "carried without a value". A field that no channel carries is left out. */
interface RowValues {
  last: string | null
  lastSize: string | null
  bid: string | null
  bidSize: string | null
  ask: string | null
  askSize: string | null
  open: string | null
  high: string | null
  low: string | null
  prevClose: string | null
  volume: string | null
  turnover: string | null
  window: 'rolling24h' | 'session' | null
  status: 'trading' | 'halted' | 'suspended' | 'preopen' | 'closed' | 'unknown'
  observedTime: number
  publishedTime: number
}

/** The times that every row has, in microseconds since the epoch; the venue may give none. */
interface RowTimes {
  exchangeTime?: number | null
  receivedTime?: number
}

/** What a subscription may ask for. */
export type RowField = keyof RowValues | keyof RowTimes

/** The state of one instrument, with the subscribed fields. */
export type Row<F extends RowField = RowField> = {
  /** `venue:type:symbol`. */
  key: string
  /** The position of this state in the stream. */
  q: number
  /** The position of the row that it follows; absent in rows of a snapshot. */
  p?: number | undefined
  /** The number of updates that were merged into it; absent in rows of a snapshot. */
  n?: number | undefined
} & RowTimes &
  Partial<Pick<RowValues, F & keyof RowValues>>
