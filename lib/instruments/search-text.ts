import type { Instrument } from './instrument-store.ts'

/** What a search looks into: key, venue symbol and name without regard to case, the same in every store. */
export function searchText({ key, venueSymbol, name }: Instrument): string {
  return foldCase(`${key}\n${venueSymbol}\n${name ?? ''}`)
}

/** Both sides of a comparison without regard to case. */
export function foldCase(text: string): string {
  return text.toLowerCase()
}

/** The order of keys in every store: by code point, as databases compare UTF-8. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
