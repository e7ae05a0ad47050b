import { readFileSync } from 'node:fs'

/** The resident memory of a process in KiB; undefined for one that is not there. */
export function residentKib(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib)
  } catch {
    return undefined
  }
}
