import type { Micros } from '../../lib/quote/quote.ts'

/** The time when a frame was sent, as the size of the best bid: seconds, so that it is a size of the domain. */
export function sizeOfTime(micros: Micros): string {
  return `${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, '0')}`
}

export function timeOfSize(size: string): Micros {
  const [seconds = '', fraction = ''] = size.split('.')
  return Number(seconds + fraction.padEnd(6, '0'))
}
