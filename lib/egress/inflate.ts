import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { EgressError } from './egress-error.ts'

const DECODERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress)
} as const

/** What a request says it accepts. */
export const ACCEPT_ENCODING = 'gzip, deflate, br'

/**
 * The text of a response body, inflated to at most `maxBytes`.
 * @throws EgressError `too_large`, or `bad_response` for an encoding that was not asked for or is broken.
 */
export async function readBody(body: Buffer, encoding: string | undefined, maxBytes: number): Promise<string> {
  const name = encoding?.trim().toLowerCase() ?? ''
  if (name === '' || name === 'identity' || body.length === 0) return body.toString('utf8')
  if (!isKnown(name)) throw new EgressError('bad_response', `expected ${ACCEPT_ENCODING}, got ${name.slice(0, 32)}`)
  try {
    return (await DECODERS[name](body, { maxOutputLength: maxBytes })).toString('utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new EgressError('too_large', `expected at most ${maxBytes} inflated bytes, got more`, { cause })
    }
    throw new EgressError('bad_response', `the body is not ${name}`, { cause })
  }
}

function isKnown(name: string): name is keyof typeof DECODERS {
  return Object.hasOwn(DECODERS, name)
}
