import { parseLosslessJson } from '../../quote/lossless-json.ts'

/** A bare number that a float may not hold digit for digit: a fraction, an exponent, or 16 digits and more. */
const INEXACT = /[:[,]\s*-?\d+(?:(?<=\d{16})|[.eE])/

/**
 * `JSON.parse` that loses no digit: plain where every bare number is a short integer, which is what Binance sends, at less
 * than half of the cost; lossless (numbers become `JsonNumber`) where one is not. @throws SyntaxError when the text is not JSON.
 */
export function parseExactJson(text: string): unknown {
  return INEXACT.test(text) ? parseLosslessJson(text) : JSON.parse(text)
}
