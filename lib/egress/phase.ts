import type { Socket } from 'node:net'
import { abortError, EgressError, type EgressErrorCode } from './egress-error.ts'

/** One step of setting up a connection: when it is over, and what its failures are called. */
export interface Phase {
  /** What the step does, for messages: `TCP connection to host:port`. */
  what: string
  /** The socket's event that ends it. */
  event: string
  timeoutMs: number
  timeoutCode: EgressErrorCode
  /** The code of a socket error. */
  codeOf: (error: NodeJS.ErrnoException) => EgressErrorCode
  /** The code when the peer closes without an error. */
  closedCode: EgressErrorCode
}

/**
 * Waits until a phase is over. Whatever else happens (an error, a close, the time-out, an abort) destroys the socket
 * and rejects with an EgressError; afterwards none of its listeners is left.
 */
export function waitFor(socket: Socket, phase: Phase, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: EgressError) => {
      settle()
      // A socket that is being destroyed may still report an error, which has nobody left to interest.
      socket.on('error', () => {}).destroy()
      reject(error)
    }
    const onEvent = () => {
      settle()
      resolve()
    }
    const onError = (cause: NodeJS.ErrnoException) =>
      fail(new EgressError(phase.codeOf(cause), `${phase.what} failed`, { cause }))
    const onClose = () => fail(new EgressError(phase.closedCode, `${phase.what}: closed by the peer`))
    const onAbort = () => fail(abortError(signal))
    const timer = setTimeout(
      () => fail(new EgressError(phase.timeoutCode, `${phase.what}: no answer within ${phase.timeoutMs} ms`)),
      phase.timeoutMs
    )
    function settle() {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.off(phase.event, onEvent).off('error', onError).off('close', onClose)
    }
    socket.once(phase.event, onEvent).once('error', onError).once('close', onClose)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
