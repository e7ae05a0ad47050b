import { WebSocket } from 'ws'
import { answer } from '../kit/peer-process.ts'

/**
 * Clients that follow 20 symbols each over one of two gateways, keep the rule of `q`, `p` and `n`, and resume on the other gateway as
 * soon as theirs is gone. Arguments: the ports, how many clients, of how many symbols.
 */
export interface Followed {
  /** Clients that hold a snapshot, or were given what they missed. */
  live: number
  rows: number
  losses: number
  duplicates: number
  /** Resumptions by what the gateway said. */
  resumed: Record<string, number>
  /** Since the first connection was lost until the last client was live again; null while one is not. */
  recoveryMs: number | null
}

const SYMBOLS_PER_CLIENT = 20
/** Full jitter: all clients lose their gateway at one moment. */
const SPREAD_MS = 500
/** New connections of the beginning come at this rate. */
const STARTS_PER_MS = 1

interface Message {
  type: string
  sid: string
  session: string
  resumeToken: string
  epoch: string
  q: number
  final?: boolean
  recovered?: boolean
  reason?: string
  data: { key: string; q: number; p: number }[]
  pos: { sid: string; q: number }[]
  subs: { sid: string }[]
}

const [ports = '', count = '0', symbols = '0'] = process.argv.slice(2)
const urls = ports.split(',').map(port => `ws://127.0.0.1:${port}/v1/stream`)
const totals = { rows: 0, losses: 0, duplicates: 0, resumed: {} as Record<string, number> }
let lostAt: number | null = null
let liveAt = 0

class Client {
  isLive = false
  readonly #keys: string[]
  #gateway = 0
  #session = ''
  #token = ''
  #epoch = ''
  #sid = ''
  #q = 0
  readonly #have = new Map<string, number>()

  constructor(number: number) {
    const step = Math.max(1, Math.floor(Number(symbols) / SYMBOLS_PER_CLIENT))
    this.#keys = Array.from(
      { length: SYMBOLS_PER_CLIENT },
      (_, n) => `binance:spot:S${(number + n * step) % Number(symbols)}-USDT`
    )
  }

  connect(): void {
    const socket = new WebSocket(urls[this.#gateway] as string, 'quotes.v1.json', { perMessageDeflate: false })
    socket.on('message', data => this.#take(socket, JSON.parse(String(data)) as Message))
    // The close event follows.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.isLive) lostAt ??= performance.now()
      this.isLive = false
      this.#gateway = (this.#gateway + 1) % urls.length
      setTimeout(() => this.connect(), Math.random() * SPREAD_MS)
    })
  }

  #take(socket: WebSocket, message: Message): void {
    switch (message.type) {
      case 'welcome':
        this.#begin(socket, message)
        break
      case 'subscribed':
        this.#sid = message.subs[0]?.sid ?? ''
        break
      case 'resumed': {
        const told = message.recovered === true ? 'recovered' : (message.reason ?? '')
        totals.resumed[told] = (totals.resumed[told] ?? 0) + 1
        if (message.recovered === true) this.#live()
        break
      }
      case 'snapshot':
        for (const { key, q } of message.data) this.#have.set(key, q)
        this.#q = message.q
        this.#epoch = message.epoch
        if (message.final === true) this.#live()
        break
      case 'hb':
        for (const { q } of message.pos) this.#q = q
        break
      case 'quotes':
        for (const row of message.data) this.#row(row)
        this.#q = message.q
    }
  }

  #begin(socket: WebSocket, { session, resumeToken }: Message): void {
    const request =
      this.#session === ''
        ? { type: 'subscribe', subs: [{ keys: this.#keys, fields: ['last', 'bid', 'ask'], intervalMs: 1000 }] }
        : {
            type: 'resume',
            session: this.#session,
            resumeToken: this.#token,
            epoch: this.#epoch,
            pos: [{ sid: this.#sid, q: this.#q }]
          }
    this.#session = session
    this.#token = resumeToken
    socket.send(JSON.stringify({ ...request, id: 1 }))
  }

  #row({ key, q, p }: Message['data'][number]): void {
    totals.rows++
    const have = this.#have.get(key)
    if (have !== undefined && q <= have) totals.duplicates++
    else if (have !== undefined && p > have) totals.losses++
    this.#have.set(key, q)
  }

  #live(): void {
    this.isLive = true
    liveAt = performance.now()
  }
}

const clients = Array.from({ length: Number(count) }, (_, number) => new Client(number))
answer((): Followed => {
  const live = clients.filter(({ isLive }) => isLive).length
  const isWhole = lostAt !== null && live === clients.length
  return { live, ...totals, recoveryMs: isWhole ? Math.round(liveAt - (lostAt as number)) : null }
})
for (const [number, client] of clients.entries()) setTimeout(() => client.connect(), number / STARTS_PER_MS)
