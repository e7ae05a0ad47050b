const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes for a person: three digits and a unit, whole bytes below one KiB. */
export function sizeText(bytes: number): string {
  let size = bytes
  let index = 0
  // What would round to 1024 of one unit is 1 of the next.
  while (Math.round(size) >= 1024 && index < UNITS.length - 1) {
    size /= 1024
    index++
  }
  const digits = index === 0 || size >= 99.95 || Number.isInteger(size) ? 0 : size >= 9.995 ? 1 : 2
  return `${size.toFixed(digits)} ${UNITS[index]}`
}
