import type { Micros } from '../quote/quote.ts'

const AGO = /^(\d{1,6})([smhd])$/
const UNIT_MS: Partial<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?$/

/** How a time may be typed. */
export const TIME_FORMS = '2026-11-23T04:05:00Z, or 10m, 2h ago'

/** @returns undefined for what is no time. Without a zone it is UTC, as all times that the REPL shows. */
export function parseTime(text: string, nowMs: number): Micros | undefined {
  const [, count, unit = ''] = AGO.exec(text) ?? []
  const unitMs = UNIT_MS[unit]
  if (unitMs !== undefined) return Math.max(0, nowMs - Number(count) * unitMs) * 1_000
  const iso = ISO.exec(text)
  if (iso === null) return undefined
  const [, clock, , , zone] = iso
  const ms = Date.parse(clock !== undefined && zone === undefined ? `${text}Z` : text)
  return Number.isNaN(ms) || ms < 0 ? undefined : ms * 1_000
}

/** ISO text in UTC with milliseconds, cut: what it names is never later than the time. */
export function timeText(time: Micros): string {
  return new Date(Math.floor(time / 1_000)).toISOString()
}
