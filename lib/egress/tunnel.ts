import { isIPv6, type Socket } from 'node:net'
import { EgressError, type EgressErrorCode } from './egress-error.ts'
import { type Phase, waitFor } from './phase.ts'
import type { ProxyServer } from './proxy-server.ts'

/** A longer answer to CONNECT is not one. */
const MAX_HEAD_BYTES = 16 * 1024

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})\b/

/**
 * Asks a proxy for a tunnel to a target, over a connection to it. When it resolves, what is written to the socket
 * reaches the target and nothing of the answer is left to read; otherwise the socket is destroyed.
 * @throws EgressError
 */
export async function openTunnel(
  socket: Socket,
  target: { host: string; port: number },
  proxy: ProxyServer,
  timeoutMs: number,
  signal: AbortSignal
): Promise<void> {
  const authority = `${isIPv6(target.host) ? `[${target.host}]` : target.host}:${target.port}`
  const authorization = proxy.authorization()
  socket.write(
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${
      authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`
    }Proxy-Connection: keep-alive\r\n\r\n`
  )
  const phase: Phase = {
    what: `CONNECT through ${proxy.label}`,
    event: HEAD,
    timeoutMs,
    timeoutCode: 'proxy_timeout',
    codeOf: () => 'tunnel_cut',
    closedCode: 'tunnel_cut'
  }
  const head = readHead(socket)
  await waitFor(socket, phase, signal)
  const failure = judge(head(), proxy.label)
  if (failure === undefined) return
  socket.destroy()
  throw failure
}

/** Emitted on the socket by {@link readHead}. */
const HEAD = 'tunnel-head'

/**
 * Collects what arrives up to the blank line, then emits {@link HEAD}. Reads by `readable` instead of `data`, so that
 * the socket is not left flowing for whoever takes it over.
 * @returns gives what was read.
 */
function readHead(socket: Socket): () => string {
  let head = ''
  const read = () => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      head += chunk.toString('latin1')
      if (head.includes('\r\n\r\n') || head.length > MAX_HEAD_BYTES) {
        socket.off('readable', read)
        socket.emit(HEAD)
        return
      }
    }
  }
  socket.on('readable', read)
  return () => head
}

function judge(head: string, label: string): EgressError | undefined {
  const status = Number(STATUS_LINE.exec(head)?.[1])
  const end = head.indexOf('\r\n\r\n')
  if (Number.isNaN(status) || end === -1) {
    return new EgressError('proxy_garbage', `CONNECT through ${label}: expected an HTTP response, got something else`)
  }
  if (status >= 200 && status < 300) {
    // Over http and https the client speaks first: bytes behind the head are not the origin's.
    if (end + 4 === head.length) return undefined
    return new EgressError('proxy_garbage', `CONNECT through ${label}: expected silence after the head, got a body`)
  }
  const retryAfter = /^retry-after:\s*(\d{1,6})\s*$/im.exec(head)?.[1]
  return new EgressError(codeOf(status), `CONNECT through ${label} was answered ${status}`, {
    ...(retryAfter === undefined ? {} : { retryAfterMs: Number(retryAfter) * 1_000 })
  })
}

function codeOf(status: number): EgressErrorCode {
  if (status === 407) return 'proxy_auth'
  if (status === 403 || status === 451) return 'proxy_banned'
  if (status === 429 || status === 402) return 'proxy_throttled'
  return 'tunnel_failed'
}
