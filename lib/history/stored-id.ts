/**
 * A quote's id as the history keeps it: without the `key|` that it begins with, since every row names its instrument. An id that
 * begins otherwise is kept whole behind a `|`, which no channel's name begins with.
 */
export function storedId(key: string, id: string): string {
  return id[key.length] === '|' && id.startsWith(key) ? id.slice(key.length + 1) : `|${id}`
}

/** The id that {@link storedId} shortened. */
export function fullId(key: string, stored: string): string {
  return stored.startsWith('|') ? stored.slice(1) : `${key}|${stored}`
}
