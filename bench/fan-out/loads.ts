/** What clients want, how much is published, and when a client's quotes are due. */
export interface Load {
  title: string
  clients: number
  symbols: number
  /** Symbols that each client wants; every client has others. Null: all symbols, and each update of them. */
  watched: number | null
  /** Quotes published per second, each symbol in turn; null: as fast as the clients receive them. */
  quotesPerSecond: number | null
  /** Between two frames of a client whose quotes come in ticks. */
  intervalMs: number
  /** Of so many clients one reads what comes; the others count bytes. */
  sampleEvery: number
  warmUpMs: number
  measureMs: number
}

export const LOADS = {
  everything: {
    title: '200 clients want each of 1,000 quotes/s',
    clients: 200,
    symbols: 1_000,
    watched: null,
    quotesPerSecond: 1_000,
    intervalMs: 15,
    sampleEvery: 10,
    warmUpMs: 700,
    measureMs: 2_000
  },
  watchlists: {
    title: '5,000 clients want 20 of 2,000 symbols every second, no two the same',
    clients: 5_000,
    symbols: 2_000,
    watched: 20,
    quotesPerSecond: 2_000,
    intervalMs: 1_000,
    sampleEvery: 50,
    warmUpMs: 1_500,
    measureMs: 2_000
  },
  saturation: {
    title: '1,000 clients want each quote, as many as they can receive',
    clients: 1_000,
    symbols: 1_000,
    watched: null,
    quotesPerSecond: null,
    intervalMs: 5,
    sampleEvery: 50,
    warmUpMs: 700,
    measureMs: 1_500
  }
} as const satisfies Record<string, Load>

export type LoadName = keyof typeof LOADS

/** Coprime with the number of symbols, and far enough apart that clients with one first symbol differ in the others. */
const STEPS = [101, 103, 107] as const

/** The symbols that a client wants, by number; null for all. */
export function watchlistOf({ watched, symbols }: Load, client: number): number[] | null {
  if (watched === null) return null
  const step = STEPS[Math.floor(client / symbols) % STEPS.length] ?? 1
  return Array.from({ length: watched }, (_, n) => (client * 7 + n * step) % symbols)
}
