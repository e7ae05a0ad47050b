/** Why a command of the REPL did nothing: a closed list. */
export type ReplErrorCode =
  /** What was typed cannot be read. */
  | 'bad_input'
  /** No node that is known here runs the service. */
  | 'no_service'
  /** The service said no, or did not answer; its error is the cause. */
  | 'refused'

/** What a person at the REPL is told in one line. Any other error is a defect and shows its stack. */
export class ReplError extends Error {
  readonly code: ReplErrorCode

  constructor(code: ReplErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ReplError'
    this.code = code
  }
}

/** @throws ReplError `bad_input`. */
export function badInput(message: string): never {
  throw new ReplError('bad_input', message)
}
