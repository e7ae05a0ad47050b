import { readFileSync } from 'node:fs'

/** The kernel counts processor time in hundredths of a second, whatever its own clock. */
const MICROS_PER_TICK = 10_000

/** Processor time of a process in microseconds, user and system, with that of its children that have ended. */
export function cpuMicros(pid: number | 'self'): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the name in brackets, which may hold anything; utime is the 14th, cstime the 17th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * MICROS_PER_TICK
}
