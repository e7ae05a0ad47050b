const TIMESTAMP = /^(.+T\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/

/** When a message was stored, in microseconds since the Unix epoch: the server tells nanoseconds, as text and without zeros at the end. */
export function storedTime({ timestamp }: { readonly timestamp: string }): number {
  const [, second, fraction = '', zone] = TIMESTAMP.exec(timestamp) ?? []
  return Date.parse(`${second}${zone}`) * 1_000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}
