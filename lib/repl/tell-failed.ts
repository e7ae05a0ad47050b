import type { FleetAnswers } from '../push/gateway-fleet.ts'
import { ReplError } from './repl-error.ts'
import { serviceProblem } from './service-problem.ts'

/** Prints a line for each gateway that did not do what was asked. @throws ReplError when no gateway is known, or the only one failed. */
export function tellFailed({ answers, failed }: FleetAnswers<unknown>, print: (text: string) => void): void {
  const [first] = failed
  if (answers.length + failed.length === 0)
    throw new ReplError('no_service', 'no node that is known here runs the service gateway: see nodes and services')
  if (answers.length === 0 && failed.length === 1) throw serviceProblem('gateway', first?.error)
  for (const { node, error } of failed) print(`${node}: ${serviceProblem('gateway', error).message}`)
}
