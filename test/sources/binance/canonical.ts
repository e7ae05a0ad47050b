/** The canonical form, by another way than the scanner's. */
export function canonical(text: string): string {
  const trimmed = text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text
  return trimmed.replace(/^0+(?=\d)/, '')
}

/** A price of zero is not a price. */
export function canonicalPrice(text: string): string | null {
  const price = canonical(text)
  return price === '0' ? null : price
}
