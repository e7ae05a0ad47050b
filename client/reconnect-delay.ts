/** What a close code asks of the client. */
export type AfterClose = 'stop' | 'backOff' | 'asTold' | 'reconnect'

const BY_HUNDRED: Readonly<Record<number, AfterClose>> = { 40: 'stop', 41: 'backOff', 42: 'asTold' }

/** Close codes from here on are the gateway's own. */
export const FIRST_OWN = 4000
/** A login that has ended: a new one may be let in. */
export const EXPIRED = 4001
/** The close code of a connection that ended without one. */
export const ABNORMAL = 1006

export function afterClose(code: number): AfterClose {
  return BY_HUNDRED[Math.floor(code / 100)] ?? 'reconnect'
}

/** Full jitter: clients of a gateway that ends do not come back all at once. `attempt` counts from 0, `random` is from 0 to below 1. */
export function jitteredDelay(attempt: number, firstMs: number, maxMs: number, random: number): number {
  return random * Math.min(maxMs, firstMs * 2 ** attempt)
}
