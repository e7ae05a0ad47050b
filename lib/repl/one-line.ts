/**
 * A text that comes from elsewhere, fit for a line of a terminal: without line ends and control characters, which could move
 * the cursor or pass for lines of ours, and at most `most` characters long.
 */
export function oneLine(text: string, most = Number.POSITIVE_INFINITY): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > most ? `${line.slice(0, most - 1)}…` : line
}
