import type { QuoteClientError } from './client-error.ts'
import type { Login, Status, Welcome } from './messages.ts'

/**
 * `connecting`: until the gateway has let the client in. `live`: quotes flow. `waiting`: until the next attempt. `closed`: for good.
 */
export type ClientState = 'connecting' | 'live' | 'waiting' | 'closed'

export interface StateChange {
  state: ClientState
  url: string
  /** Attempts since the last connection that lasted. */
  attempt: number
  /** For `waiting` and `closed`: how the connection ended. */
  closeCode?: number
  reason?: string
  /** For `waiting`. */
  retryInMs?: number
}

export interface ClientEvents {
  state: StateChange
  welcome: Welcome
  /** A login was accepted: on each connection, and when it was renewed. */
  login: Login
  /** How a source or an instrument is doing; those that are not ok are told again on each connection. */
  status: Status
  /** What went wrong, in whichever subscription too. */
  error: QuoteClientError
}
