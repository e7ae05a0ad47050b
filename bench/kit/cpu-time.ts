import { readFileSync } from 'node:fs'

/** The kernel counts in hundredths of a second, on every Linux. */
const TICK_MS = 10
const USER_FIELD = 11
const SYSTEM_FIELD = 12

/** Processor time of a process since its start, user and system, in milliseconds; NaN when it is not there. */
export function cpuTimeMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold blanks.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[USER_FIELD]) + Number(fields[SYSTEM_FIELD])) * TICK_MS
  } catch {
    return Number.NaN
  }
}
