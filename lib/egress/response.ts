import type { IncomingHttpHeaders } from 'node:http'
import type { Client, Dispatcher } from 'undici'
import type { Micros } from '../quote/quote.ts'
import { EgressError, type EgressErrorCode } from './egress-error.ts'

/** A response as it came over the wire. */
export interface WireResponse {
  status: number
  /** Names in lower case. */
  headers: IncomingHttpHeaders
  body: Buffer
  /** When the request was written to the connection. */
  requestSentTime: Micros
  /** When the last byte of the response was read. */
  receivedTime: Micros
}

export interface WireRequest {
  origin: string
  path: string
  headers: Record<string, string>
  firstByteMs: number
  idleMs: number
  maxWireBytes: number
}

/**
 * Sends a GET over a connection and collects the response.
 * @throws EgressError
 */
export function exchange(client: Client, request: WireRequest, now: () => Micros): Promise<WireResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    let requestSentTime = 0
    let receivedTime = 0
    let status = 0
    let headers: IncomingHttpHeaders = {}
    const tooLarge = () =>
      new EgressError('too_large', `expected a response of at most ${request.maxWireBytes} bytes on the wire, got more`)
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {
        requestSentTime = now()
      },
      onResponseStart(controller, statusCode, received) {
        // An interim response; the final one follows.
        if (statusCode < 200) return
        status = statusCode
        headers = received
        receivedTime = now()
        if (Number(received['content-length']) > request.maxWireBytes) controller.abort(tooLarge())
      },
      onResponseData(controller, chunk) {
        receivedTime = now()
        bytes += chunk.length
        if (bytes > request.maxWireBytes) controller.abort(tooLarge())
        else chunks.push(chunk)
      },
      onResponseEnd() {
        const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
        resolve({ status, headers, body, requestSentTime, receivedTime })
      },
      onResponseError(_controller, error) {
        reject(
          error instanceof EgressError
            ? error
            : new EgressError(codeOf(error), 'no complete response', { cause: error })
        )
      }
    }
    client.dispatch(
      {
        origin: request.origin,
        path: request.path,
        method: 'GET',
        headers: request.headers,
        headersTimeout: request.firstByteMs,
        bodyTimeout: request.idleMs
      },
      handler
    )
  })
}

function codeOf(error: NodeJS.ErrnoException): EgressErrorCode {
  if (error.code === 'UND_ERR_HEADERS_TIMEOUT') return 'first_byte_timeout'
  if (error.code === 'UND_ERR_BODY_TIMEOUT') return 'idle_timeout'
  if (error.code === 'UND_ERR_HEADERS_OVERFLOW') return 'too_large'
  // A chunked body that was cut is a parser's error too.
  if (error.name === 'HTTPParserError' && error.code !== 'HPE_INVALID_EOF_STATE') return 'bad_response'
  return 'reset'
}
