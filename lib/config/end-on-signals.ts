/** What is ended: a broker, or a system of processes. */
export interface Endable {
  stop(): Promise<void>
}

/** A start that is under way when the signal comes gets this long to finish, so that nothing is closed half open. */
const START_MS = 1_000
/** With the start below five seconds, and more than draining takes at the most. */
const STOP_MS = 3_900

/**
 * Ends the process once at the first SIGINT or SIGTERM: exit code 0 when everything was stopped, 1 when it was not within its time.
 * More signals change nothing: a terminal and npm both send them. `started` settles when the start has ended, well or not.
 */
export function endOnSignals(what: Endable, started: Promise<unknown>): void {
  let ending = false
  const end = async () => {
    if (ending) return
    ending = true
    const hasStarted = await within(START_MS, started)
    const hasStopped = hasStarted ? await within(STOP_MS, what.stop()) : true
    if (!hasStopped) console.error(`quotecast was not stopped within ${STOP_MS} ms`)
    leave(hasStopped ? 0 : 1)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end())
}

/**
 * Ends the process. Log lines are written as they come; only lines that nobody reads any more are left, and pino's listener would
 * try for ever to write them.
 */
function leave(code: number): void {
  process.removeAllListeners('exit')
  process.exit(code)
}

/** Whether the work ends within the time. */
async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, ms, false)
  work.then(
    () => resolve(true),
    error => {
      console.error(error)
      resolve(false)
    }
  )
  return promise.finally(() => clearTimeout(timer))
}
