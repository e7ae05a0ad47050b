import type { Quote } from '../../lib/quote/quote.ts'
import { type Load, watchlistOf } from './loads.ts'
import { quoteOf, rowOf, tickOf } from './market.ts'
import type { Outlet } from './outlet.ts'
import { sharedMicros } from './shared-clock.ts'
import { ALL, type Form } from './task.ts'

/** Gives an outlet the quotes in one form. */
export interface Former {
  /** The update with number `n`, of a symbol, published at `time`. */
  add(n: number, symbol: number, time: number): void
  /** Sends what is due. */
  pass(now: number): void
}

export function formerOf(form: Form, load: Load, outlet: Outlet): Former {
  if (form === 'updates') return formUpdates(outlet)
  if (form === 'quotes') return formQuotes(load, outlet)
  return load.watched === null ? formTicks(load, outlet) : formOwnTicks(load, outlet)
}

/** All that is due at once as one batch, as a feed flushes it. */
function formUpdates(outlet: Outlet): Former {
  let quotes: Quote[] = []
  return {
    add: (n, symbol, time) => void quotes.push(quoteOf(n, symbol, time)),
    pass() {
      if (quotes.length > 0) outlet.send(ALL, JSON.stringify(quotes))
      quotes = []
    }
  }
}

function formQuotes({ watched, symbols }: Load, outlet: Outlet): Former {
  return {
    add(n, symbol, time) {
      outlet.send(watched === null ? ALL : `s${symbol}`, rowOf(n, n - symbols, quoteOf(n, symbol, time)))
    },
    pass() {}
  }
}

/** Every interval all updates since the last, the same for all clients. */
function formTicks({ symbols, intervalMs }: Load, outlet: Outlet): Former {
  let rows: string[] = []
  let newest = 0
  let due = sharedMicros()
  return {
    add(n, symbol, time) {
      rows.push(rowOf(n, n - symbols, quoteOf(n, symbol, time)))
      newest = n
    },
    pass(now) {
      if (now < due) return
      if (rows.length > 0) outlet.send(ALL, tickOf(ALL, newest, due, rows))
      rows = []
      due += Math.ceil((now - due + 1) / (intervalMs * 1_000)) * intervalMs * 1_000
    }
  }
}

/** Every interval the newest of each client's own symbols, the clients spread over the interval. */
function formOwnTicks(load: Load, outlet: Outlet): Former {
  const { clients, symbols, intervalMs } = load
  const watchlists = Array.from({ length: clients }, (_, client) => watchlistOf(load, client) ?? [])
  const latest = Array.from({ length: symbols }, () => ({ n: -1, row: '' }))
  const sent = new Int32Array(clients).fill(-1)
  const begin = sharedMicros()
  let newest = -1
  let ticks = 0
  return {
    add(n, symbol, time) {
      latest[symbol] = { n, row: rowOf(n, n - symbols, quoteOf(n, symbol, time)) }
      newest = n
    },
    pass(now) {
      for (;;) {
        const due = begin + Math.round((ticks * intervalMs * 1_000) / clients)
        if (due > now) return
        const client = ticks++ % clients
        const fresh = (watchlists[client] ?? []).map(symbol => latest[symbol]!).filter(({ n }) => n > sent[client]!)
        sent[client] = newest
        const topic = `c${client}`
        if (fresh.length > 0)
          outlet.send(
            topic,
            tickOf(
              topic,
              newest,
              due,
              fresh.map(({ row }) => row)
            )
          )
      }
    }
  }
}
