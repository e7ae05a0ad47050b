import { Entitlement } from './entitlement.ts'

/** What the users of one kind may see and use. Null is the gateway's own limit. */
export interface Plan {
  readonly name: string
  readonly entitlement: Entitlement
  /** Intervals below it are raised to it. */
  readonly minIntervalMs: number
  /** Keys named by the subscriptions of one connection. */
  readonly symbols: number | null
  /** Subscriptions of one connection. */
  readonly subscriptions: number | null
  readonly messagesPerSecond: number | null
  /** By REST. */
  readonly requestsPerSecond: number | null
  /** Open connections of one user at one gateway. Those without a user are counted by address. */
  readonly connections: number | null
}

/** Everything, as far as the gateway has it: the plan where no access is configured. */
export const OPEN_PLAN: Plan = Object.freeze({
  name: 'open',
  entitlement: Entitlement.all,
  minIntervalMs: 0,
  symbols: null,
  subscriptions: null,
  messagesPerSecond: null,
  requestsPerSecond: null,
  connections: null
})
