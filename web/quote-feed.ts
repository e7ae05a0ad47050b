import { CLIENT_ERRORS, type Credential, type Login, QuoteClient, type StateChange } from '../client/index.ts'
import type { QuoteTable } from './quote-table.ts'
import type { StatusLine } from './status-line.ts'

/** All API keys begin so. */
const KEY_PREFIX = 'qc_'
/** A login came to its end. */
const EXPIRED = 4001

export interface FeedHandlers {
  /** Nobody may log in, or anonymous is shown what it may see and somebody may log in. */
  onOpen(canLogIn: boolean): void
  /** Without a login there is nothing to see; the feed has ended. */
  onLoginWanted(): void
  onLogin(login: Login): void
  /** The gateway has refused a login. It is tried again, unless `isFinal`: then the feed has ended. */
  onRefused(why: string, isFinal: boolean): void
}

/** What one visitor may see of all quotes, anonymous or logged in, drawn into the table until `close`. */
export class QuoteFeed {
  readonly #client: QuoteClient
  readonly #isAnonymous: boolean
  readonly #table: QuoteTable
  readonly #status: StatusLine
  readonly #handlers: FeedHandlers
  #isClosed = false
  #isLoggedIn = false
  #hasBoard = false
  #refusal = ''

  /** @param credential a token or a key; null is anonymous. */
  constructor(credential: string | null, table: QuoteTable, status: StatusLine, handlers: FeedHandlers) {
    this.#isAnonymous = credential === null
    this.#table = table
    this.#status = status
    this.#handlers = handlers
    const client = new QuoteClient(location.origin, credential === null ? {} : { auth: credentialOf(credential) })
    const quotes = client.subscribe({ patterns: ['*:*:*'], intervalMs: 200 })
    this.#client = client
    client.on('state', change => this.#changeState(change))
    client.on('welcome', ({ auth, time }) => {
      table.clockOffset = time - Date.now() * 1000
      this.#meet(auth)
    })
    client.on('login', login => {
      this.#isLoggedIn = true
      handlers.onLogin(login)
    })
    client.on('status', trouble => status.take(trouble))
    client.on('error', ({ code, message }) => {
      // Errors of the client's own are about connections.
      if (this.#isAnonymous || this.#isLoggedIn || code in CLIENT_ERRORS) return
      this.#refusal = message
      handlers.onRefused(message, false)
    })
    quotes.on('snapshot', ({ rows }) => {
      this.#hasBoard = true
      table.reset(rows)
      status.show('live', true)
    })
    quotes.on('rows', ({ rows }) => {
      status.countRows(rows.length)
      for (const row of rows) table.update(row)
    })
    quotes.on('gap', () => status.countGap())
    quotes.on('error', ({ code }) => status.show(`refused (${code})`))
  }

  /** Takes its rows off the table. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#client.close()
    this.#status.forgetTroubles()
    this.#table.reset(new Map())
  }

  #meet(auth: 'none' | 'optional' | 'required'): void {
    if (auth === 'none') this.#handlers.onOpen(false)
    else if (!this.#isAnonymous) return
    else if (auth === 'optional') this.#handlers.onOpen(true)
    else {
      // The gateway would close the connection of somebody who takes long to log in.
      this.close()
      this.#status.show('login required')
      this.#handlers.onLoginWanted()
    }
  }

  #changeState({ state, attempt, closeCode }: StateChange): void {
    if (this.#isClosed) return
    if (state === 'live') {
      // The first time it is the board that counts.
      if (this.#hasBoard) this.#status.show('live', true)
      return
    }
    this.#status.forgetTroubles()
    if (state === 'connecting') this.#status.show(attempt === 0 ? 'connecting' : 'reconnecting')
    else if (state === 'waiting') this.#status.show('disconnected')
    else this.#end(closeCode)
    this.#isLoggedIn = false
  }

  /** The gateway wants no more of it. */
  #end(closeCode: number | undefined): void {
    const isExpired = closeCode === EXPIRED
    if (this.#isAnonymous || (this.#isLoggedIn && !isExpired)) this.#status.show(`refused (${closeCode})`)
    else this.#handlers.onRefused(isExpired ? 'the login has expired' : this.#refusal || `closed by ${closeCode}`, true)
  }
}

function credentialOf(text: string): Credential {
  return text.startsWith(KEY_PREFIX) ? { key: text } : { token: text }
}
