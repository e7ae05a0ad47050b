import type { IncomingMessage } from 'node:http'
import { HttpProblem } from './http-problem.ts'

/** The requests that have bodies name a few things. */
const MAX_BYTES = 4096

/**
 * The JSON object that a request carries; none is an empty one.
 * @throws HttpProblem 400, 413 above 4 KiB, 415
 */
export async function readJsonBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    // The connection is still needed for the answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += (chunk as Buffer).length
      if (bytes > MAX_BYTES) break
      chunks.push(chunk as Buffer)
    }
  } catch (cause) {
    throw new HttpProblem(400, 'the body could not be read', { cause })
  }
  if (bytes > MAX_BYTES) throw new HttpProblem(413, `expected a body of at most ${MAX_BYTES} bytes`)
  if (bytes === 0) return {}
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new HttpProblem(415, 'expected a body of application/json')
  return parseObject(Buffer.concat(chunks).toString())
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Told below, as whatever else is no object.
  }
  throw new HttpProblem(400, 'expected a JSON object as the body')
}
