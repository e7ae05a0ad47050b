import type { Gap } from './board.ts'
import type { QuoteClientError } from './client-error.ts'
import type { Mode, Rejection, SubscriptionChanges, SubscriptionInfo } from './messages.ts'
import type { Row, RowField } from './row.ts'

export interface SubscriptionEvents<F extends RowField = RowField> {
  /** Rows that are news, of one frame; the board has them already. */
  rows: { rows: Row<F>[]; q: number; time: number }
  /** The board was replaced. `missed` tells whether it jumped over updates that were not shown before. */
  snapshot: { rows: ReadonlyMap<string, Row<F>>; epoch: string; q: number; missed: boolean }
  /** The connection took too little; what was left out is made up for by one row per instrument. */
  lag: { skippedTicks: number }
  /** The gateway made the interval longer. */
  downgraded: { intervalMs: number; reason: string }
  /** A row did not follow the one before it; the board is asked for again, once. */
  gap: Gap
  /** It has ended for this reason. */
  error: QuoteClientError
}

/**
 * What is followed, over all connections of its client. Its rows are taken from `board`, by events, or one by one with
 * `for await`.
 */
export interface Subscription<F extends RowField = RowField> extends AsyncIterable<Row<F>> {
  /** The newest row of each instrument. */
  readonly board: ReadonlyMap<string, Row<F>>
  /** As the gateway accepted it last; null before. */
  readonly info: SubscriptionInfo | null
  /** The keys and patterns that the gateway left out. */
  readonly rejected: readonly Rejection[]
  readonly mode: Mode
  /** Nothing is missing up to there; null while that is not known. As `since` it lets another client go on. */
  readonly position: { readonly epoch: string; readonly q: number } | null
  /** Resolves when the board is there. @throws QuoteClientError why the gateway refused, or `closed`. */
  readonly ready: Promise<void>
  readonly hasEnded: boolean

  /** @returns a function that takes the listener off again. */
  on<Name extends keyof SubscriptionEvents<F>>(
    name: Name,
    listener: (event: SubscriptionEvents<F>[Name]) => void
  ): () => void
  /**
   * The rows of the board, then what comes. To a slow consumer the latest of each instrument is given; in mode `all` nothing is
   * left out: with more than `maxQueued` rows that wait the iterator throws `consumer_slow`, and after a loss `lost`.
   */
  rows(options?: { maxQueued?: number }): AsyncIterableIterator<Row<F>>
  /** @throws QuoteClientError as the gateway refused, or `not_connected`: then nothing has changed. */
  update<G extends RowField = F>(changes: SubscriptionChanges<G>): Promise<Subscription<G>>
  /** Asks for the board again. @throws QuoteClientError */
  resync(): Promise<void>
  /** Ends it. Idempotent; resolves when the gateway knows, or cannot be told. */
  unsubscribe(): Promise<void>
}
