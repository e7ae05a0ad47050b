/** What the latest store keeps in Redis: every key that it uses, and nothing else does. */
export interface LatestNames {
  /** The set of all instrument keys that were ever merged. */
  readonly keys: string
  /** The hash of one instrument: by the groups and the channel of a quote the JSON of its candidate, and behind `#` its rank. */
  row(key: string): string
}

/** The names of one deployment; several may share a Redis under different namespaces. */
export function latestNames(namespace: string): LatestNames {
  const prefix = `quotecast:${namespace === '' ? 'main' : namespace}:board`
  return { keys: `${prefix}:keys`, row: key => `${prefix}:row:${key}` }
}
