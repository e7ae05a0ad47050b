/** A server under test in its process. */
export interface Running {
  pid: number
  /** Where clients connect. */
  port: number
  /** Where the publisher connects. */
  publishPort: number
  /** When its clock was 0, for the server that gives clients ticks of its own. */
  originMicros: number | null
  /** Frees what can be freed, so that memory is compared without what is only left over. */
  collect(): Promise<unknown>
}

const nothing = async () => {}

/** A server whose memory is managed by hand. */
export function runningBinary(pid: number | undefined, port: number, publishPort: number): Running {
  return { pid: pid ?? 0, port, publishPort, originMicros: null, collect: nothing }
}
