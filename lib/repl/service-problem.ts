import { oneLine } from './one-line.ts'
import { ReplError } from './repl-error.ts'

/** Moleculer's types of an error for an action that no node offers, or whose nodes are gone. */
const NOBODY = ['SERVICE_NOT_FOUND', 'SERVICE_NOT_AVAILABLE']

/**
 * An error of an action in words: its type, where it has one, then its message and what validation found, without a stack.
 * It may have crossed the bus, so only its fields tell what it is.
 */
export function serviceProblem(service: string, error: unknown): ReplError {
  const { type, message = String(error), data } = fieldsOf(error)
  if (type !== undefined && NOBODY.includes(type)) {
    const node = nodeOf(data)
    const where =
      node === undefined ? 'no node that is known here runs' : `no node ${oneLine(node, 80)} that is known here runs`
    const text = `${where} the service ${service}: see nodes and services`
    return new ReplError('no_service', text, { cause: error })
  }
  const reasons = Array.isArray(data) ? data.map(one => fieldsOf(one).message ?? String(one)).join(' ') : message
  const kind = type === undefined ? '' : `${type.toLowerCase().replaceAll('_', ' ')}: `
  return new ReplError('refused', oneLine(kind + reasons), { cause: error })
}

/** The one node that was asked, where it was one. */
function nodeOf(data: unknown): string | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { nodeID }: { nodeID?: unknown } = data
  return typeof nodeID === 'string' ? nodeID : undefined
}

/** The fields of an error of Moleculer, as far as it has them. */
export function fieldsOf(error: unknown): { type?: string; message?: string; data?: unknown } {
  if (typeof error !== 'object' || error === null) return {}
  const { type, message, data }: { type?: unknown; message?: unknown; data?: unknown } = error
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof message === 'string' ? { message } : {}),
    data
  }
}
