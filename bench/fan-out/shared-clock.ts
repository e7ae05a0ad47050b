/** Puts the times of a running machine among those since the epoch, so that they have as many digits. */
const ORIGIN_MICROS = 1_600_000_000_000_000

/** Microseconds of a clock that all processes of this machine share. Always 16 digits. */
export function sharedMicros(): number {
  return ORIGIN_MICROS + Number(process.hrtime.bigint() / 1_000n)
}
