export type { Gap } from './board.ts'
export { CLIENT_ERRORS, type ErrorCode, type GatewayErrorCode, QuoteClientError } from './client-error.ts'
export type { ClientEvents, ClientState, StateChange } from './client-events.ts'
export { type Credential, DEFAULT_OPTIONS, type QuoteClientOptions } from './client-options.ts'
export type {
  Login,
  Mode,
  Rejection,
  ResumePolicy,
  Status,
  SubscriptionChanges,
  SubscriptionInfo,
  SubscriptionRequest,
  Welcome
} from './messages.ts'
export { QuoteClient } from './quote-client.ts'
export type { Row, RowField } from './row.ts'
export type { SocketConstructor, SocketLike } from './socket.ts'
export type { Subscription, SubscriptionEvents } from './subscription.ts'
