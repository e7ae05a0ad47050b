import type { Micros } from '../quote/quote.ts'
import type { Entitlement } from './entitlement.ts'
import type { Plan } from './plan.ts'

/** Who somebody is, as a token, a key or the lack of both has shown, and what follows from it. Holds no secret. */
export interface Identity {
  /** Null for anonymous. */
  readonly user: string | null
  readonly plan: Plan
  /** What of the plan's instruments this one may see. */
  readonly entitlement: Entitlement
  /** Whether this one may look after the gateways by REST. */
  readonly isAdmin: boolean
  /** When it ends, the tolerance for clocks included; null for never. */
  readonly expiresAt: Micros | null
}

/** Somebody without a token or a key. */
export function anonymous(plan: Plan): Identity {
  return Object.freeze({ user: null, plan, entitlement: plan.entitlement, isAdmin: false, expiresAt: null })
}
