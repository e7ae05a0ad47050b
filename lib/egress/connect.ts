import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import type { EgressErrorCode } from './egress-error.ts'
import { type Phase, waitFor } from './phase.ts'
import type { ProxyServer } from './proxy-server.ts'
import type { Target } from './target.ts'
import { openTunnel } from './tunnel.ts'

/** How long each step of a request may take, in milliseconds. */
export interface PhaseTimeouts {
  /** TCP, to the proxy or the origin; name resolution included. */
  tcpMs: number
  /** The proxy's answer to CONNECT. */
  tunnelMs: number
  tlsMs: number
  firstByteMs: number
  /** Between two pieces of the body. */
  idleMs: number
}

export const DEFAULT_TIMEOUTS = {
  tcpMs: 400,
  tunnelMs: 800,
  tlsMs: 800,
  firstByteMs: 1_000,
  idleMs: 500
} as const satisfies PhaseTimeouts

export interface Route {
  target: Pick<Target, 'host' | 'port' | 'secure'>
  /** Null connects directly. */
  proxy: ProxyServer | null
  timeouts: PhaseTimeouts
  /** Certificate authorities to trust instead of the system's. */
  ca?: ConnectionOptions['ca']
}

/**
 * Opens a connection over which HTTP/1.1 can be spoken with the target: TCP, CONNECT where a proxy leads there, TLS for
 * https. An abort in any of these steps, or a failure, leaves no socket behind.
 * @throws EgressError
 */
export async function openConnection({ target, proxy, timeouts, ca }: Route, signal: AbortSignal): Promise<Socket> {
  if (proxy === null) {
    const socket = await dial(target.host, target.port, timeouts, signal)
    return target.secure ? secure(socket, target.host, timeouts, signal, ca) : socket
  }
  let socket = await dial(proxy.host, proxy.port, timeouts, signal)
  if (proxy.scheme === 'https') socket = await secure(socket, proxy.host, timeouts, signal, ca)
  await openTunnel(socket, target, proxy, timeouts.tunnelMs, signal)
  return target.secure ? secure(socket, target.host, timeouts, signal, ca) : socket
}

async function dial(host: string, port: number, { tcpMs }: PhaseTimeouts, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host, port, noDelay: true, keepAlive: true })
  const phase: Phase = {
    what: `TCP connection to ${host}:${port}`,
    event: 'connect',
    timeoutMs: tcpMs,
    timeoutCode: 'connect_timeout',
    codeOf: codeOfDial,
    closedCode: 'refused'
  }
  await waitFor(socket, phase, signal)
  return socket
}

async function secure(
  socket: Socket,
  host: string,
  { tlsMs }: PhaseTimeouts,
  signal: AbortSignal,
  ca: ConnectionOptions['ca']
): Promise<TLSSocket> {
  const wrapped = connectTls({
    socket,
    host,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ALPNProtocols: ['http/1.1'],
    ca
  })
  const phase: Phase = {
    what: `TLS with ${host}`,
    event: 'secureConnect',
    timeoutMs: tlsMs,
    timeoutCode: 'tls_timeout',
    codeOf: codeOfTls,
    closedCode: 'tls'
  }
  try {
    await waitFor(wrapped, phase, signal)
  } catch (error) {
    // Over a tunnel the TLS layer does not own the socket below it.
    socket.destroy()
    throw error
  }
  return wrapped
}

function codeOfDial({ code }: NodeJS.ErrnoException): EgressErrorCode {
  if (code === 'ENOTFOUND' || code?.startsWith('EAI_')) return 'dns'
  return code === 'ETIMEDOUT' ? 'connect_timeout' : 'refused'
}

/** OpenSSL's verdicts on a certificate that reach Node as codes without a common prefix. */
const CERTIFICATE = /CERT|ISSUER|SELF_SIGNED|VERIFY/

function codeOfTls({ code }: NodeJS.ErrnoException): EgressErrorCode {
  return code !== undefined && CERTIFICATE.test(code) ? 'certificate' : 'tls'
}
