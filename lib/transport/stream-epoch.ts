/**
 * The epoch of a stream, from the time of its creation as the server tells it: it changes when the stream is made anew, and
 * only then. Nanoseconds, as the server has them, in base 36.
 */
export function streamEpoch(created: string): string {
  const fraction = /\.(\d+)/.exec(created)?.[1] ?? ''
  const seconds = BigInt(Math.floor(Date.parse(created) / 1_000))
  return (seconds * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9))).toString(36)
}
