import repl, { type REPLServer, type ReplOptions } from 'node:repl'
import type { ServiceBroker } from 'moleculer'

/**
 * Starts Moleculer's REPL on a broker.
 *
 * Its evaluator expects the REPL server as `this`; Node 26 no longer passes it. The server is bound while the REPL starts, and
 * Node's own `start` is put back at once.
 */
export function startRepl(broker: ServiceBroker): void {
  const { start } = repl
  repl.start = (options?: string | ReplOptions): REPLServer => {
    if (typeof options !== 'object' || options.eval === undefined) return start(options)
    const { eval: evaluate } = options
    const server: REPLServer = start({ ...options, eval: (...args) => evaluate.apply(server, args) })
    return server
  }
  try {
    broker.repl()
  } finally {
    repl.start = start
  }
}
