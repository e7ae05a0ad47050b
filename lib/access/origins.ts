/**
 * From which web pages browsers may connect, and read answers: `any`, those listed, or null for pages of the gateway's own host only.
 * `unsaid`: any may connect, as nobody has said otherwise, but none is told that it may read.
 */
export type AllowedOrigins = 'any' | 'unsaid' | ReadonlySet<string> | null

/** The form of a listed origin: what browsers send, so no path and no trailing slash. */
export const ORIGIN = /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/

/** Whether a request may come from where it says. Programs send no origin, and nothing would hold them to the truth. */
export function allowsOrigin(allowed: AllowedOrigins, origin: string | undefined, host: string | undefined): boolean {
  if (allowed === 'any' || allowed === 'unsaid' || origin === undefined) return true
  if (allowed !== null) return allowed.has(origin)
  return host !== undefined && URL.parse(origin)?.host === host.toLowerCase().replace(/:(80|443)$/, '')
}
