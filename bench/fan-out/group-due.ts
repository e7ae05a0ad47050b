/**
 * When the gateway's group with this `sid` was last due: it ticks once per interval, at a phase of its own. Written anew here so that
 * nothing of the gateway's own account of time goes into the measurement; were it wrong, frames would seem up to an interval late.
 */
export function groupDue(text: string, received: number, intervalMs: number, originMicros: number): number {
  const sid = /"sid":"([^"]*)"/.exec(text)?.[1] ?? ''
  let hash = 0
  for (let i = 0; i < sid.length; i++) hash = (Math.imul(hash, 31) + sid.charCodeAt(i)) >>> 0
  const interval = intervalMs * 1_000
  const phase = originMicros + (hash % intervalMs) * 1_000
  return Math.floor((received - phase) / interval) * interval + phase
}
