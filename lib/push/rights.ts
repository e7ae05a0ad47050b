import { Entitlement } from '../access/entitlement.ts'
import type { Identity } from '../access/identity.ts'
import type { PushLimits } from './limits.ts'

/** What a connection may do now. */
export interface Rights {
  /** Null for somebody who has yet to log in. */
  readonly identity: Identity | null
  /** Which instruments it may see. */
  readonly entitlement: Entitlement
  /** The gateway's limits, as far as the plan says nothing else. */
  readonly limits: PushLimits
}

/** One for all connections of an identity: thousands may be anonymous. */
const remembered = new WeakMap<Identity, { gateway: PushLimits; rights: Rights }>()

/** What follows from who somebody is. A plan may raise the gateway's limits of a connection, except the shortest interval. */
export function rightsOf(identity: Identity | null, limits: PushLimits): Rights {
  if (identity === null) return Object.freeze({ identity, entitlement: Entitlement.none, limits })
  const known = remembered.get(identity)
  if (known !== undefined && known.gateway === limits) return known.rights
  const rights = makeRights(identity, limits)
  remembered.set(identity, { gateway: limits, rights })
  return rights
}

function makeRights(identity: Identity, limits: PushLimits): Rights {
  const { plan, entitlement } = identity
  const messagesPerSecond = plan.messagesPerSecond ?? limits.messagesPerSecond
  return Object.freeze({
    identity,
    entitlement,
    limits: Object.freeze({
      ...limits,
      symbols: plan.symbols ?? limits.symbols,
      subscriptions: plan.subscriptions ?? limits.subscriptions,
      messagesPerSecond,
      messageBurst: Math.max(limits.messageBurst, messagesPerSecond),
      minIntervalMs: Math.min(limits.maxIntervalMs, Math.max(limits.minIntervalMs, plan.minIntervalMs))
    })
  })
}
