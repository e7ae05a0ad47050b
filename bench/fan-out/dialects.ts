import { STREAM_PATH, SUBPROTOCOLS } from '../../lib/push/protocol.ts'
import { type Load, watchlistOf } from './loads.ts'
import { FIELDS, keyOf } from './market.ts'
import { ALL, type Form } from './task.ts'

/** What a client says and hears until quotes come. */
export interface Dialect {
  path: string
  subprotocol?: string
  /** The server's first words, one text after the other; null for a server that lets clients speak first. */
  greet: ((text: string) => { say?: string; done: boolean }) | null
  /** Null for a server where the path subscribes. */
  subscribe: string | null
  isSubscribed: (text: string) => boolean
}

/** What each client's part of a load is, in the words of each server. */
export const DIALECTS = {
  quotecast(load, _form, client) {
    const symbols = watchlistOf(load, client)
    const sub = {
      ...(symbols === null ? { patterns: ['*:*:*'], mode: 'all' } : { keys: symbols.map(keyOf) }),
      fields: FIELDS,
      intervalMs: load.intervalMs,
      snapshot: false
    }
    return {
      path: STREAM_PATH,
      subprotocol: SUBPROTOCOLS.json,
      greet: text => ({ done: text.includes('"welcome"') }),
      subscribe: JSON.stringify({ type: 'subscribe', id: 1, subs: [sub] }),
      isSubscribed: text => text.includes('"subscribed"')
    }
  },
  topics(load, form, client) {
    return {
      path: '/',
      greet: null,
      subscribe: JSON.stringify(topicsOf(load, form, client)),
      isSubscribed: text => text === 'ready'
    }
  },
  'socket.io'(load, form, client) {
    return {
      path: '/socket.io/?EIO=4&transport=websocket',
      greet: text => (text.startsWith('0') ? { say: '40', done: false } : { done: text.startsWith('40') }),
      subscribe: `42${JSON.stringify(['join', topicsOf(load, form, client)])}`,
      isSubscribed: text => text === '42["ready"]'
    }
  },
  nats(load, form, client) {
    const subscriptions = topicsOf(load, form, client).map((topic, n) => `SUB ${topic} ${n + 1}\r\n`)
    return {
      path: '/',
      greet: text =>
        text.startsWith('INFO')
          ? { say: 'CONNECT {"verbose":false}\r\nPING\r\n', done: false }
          : { done: text.includes('PONG') },
      subscribe: `${subscriptions.join('')}PING\r\n`,
      isSubscribed: text => text.includes('PONG')
    }
  },
  nchan(load, form, client) {
    return {
      path: `/sub/${topicsOf(load, form, client).join(',')}`,
      greet: null,
      subscribe: null,
      isSubscribed: () => true
    }
  }
} as const satisfies Record<string, (load: Load, form: Form, client: number) => Dialect>

export type DialectName = keyof typeof DIALECTS

function topicsOf(load: Load, form: Form, client: number): string[] {
  if (load.watched === null) return [ALL]
  if (form === 'ticks') return [`c${client}`]
  return (watchlistOf(load, client) ?? []).map(symbol => `s${symbol}`)
}
