import type { LoggerOptions } from 'pino'
import type { LogLevel } from './settings.ts'

/** Causes of causes that a line shows. */
const MAX_CAUSES = 4

/**
 * How log lines are written. Code here logs fields first, Moleculer the text first and the error or fields after it, which pino would
 * drop: both come out alike. Of an error only what is named is written: errors of drivers carry commands, passwords among them.
 */
export const LOG_OPTIONS = {
  serializers: { err: describeError, error: describeError },
  hooks: {
    logMethod(args: unknown[], method) {
      const [text, fields] = args
      const swap = args.length === 2 && typeof text === 'string' && typeof fields === 'object' && !text.includes('%')
      const [first, ...rest] = swap ? [fields, text] : args
      method.apply(this, [first as string, ...(rest as [])])
    }
  }
} as const satisfies LoggerOptions

/** Parts of Moleculer that tell at `info` what only its own developers ask for; at any other level they are like the rest. */
const CHATTY = ['BROKER', 'REGISTRY', 'TRANSIT', '$NODE'] as const

/** The level of each part of the system, in Moleculer's notation. */
export function logLevels(level: Exclude<LogLevel, 'silent'>): Record<string, string> {
  const quieter = level === 'info' ? 'warn' : level
  return { ...Object.fromEntries(CHATTY.map(name => [name, quieter])), '**': level }
}

interface Described {
  type: string
  code?: unknown
  message: string
  stack?: string
  cause?: unknown
}

function describeError(error: unknown, depth: unknown = 0): unknown {
  if (!(error instanceof Error)) return error
  const { name, message, stack, cause } = error
  const described: Described = { type: name, message, stack }
  if ('code' in error) described.code = error.code
  const deeper = typeof depth === 'number' ? depth + 1 : 1
  if (cause !== undefined && deeper <= MAX_CAUSES) described.cause = describeError(cause, deeper)
  return described
}
