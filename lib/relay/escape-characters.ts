/** Percent-encodes what `forbidden` matches, `%` among it, so that `decodeURIComponent` gives the text back. Half a character becomes U+FFFD, as in UTF-8. */
export function escapeCharacters(text: string, forbidden: RegExp): string {
  return text.toWellFormed().replace(forbidden, escapeOne)
}

function escapeOne(character: string): string {
  return [...Buffer.from(character)].map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}
