import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceBroker } from 'moleculer'
import { LOG_OPTIONS } from '../../lib/config/log-options.ts'

type Line = Record<string, unknown> & { msg: string; err?: Record<string, unknown>; error?: Record<string, unknown> }

/** A broker's logger with our options, and the lines that it writes. */
function openLogger() {
  const lines: Line[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const pino = { options: LOG_OPTIONS, destination }
  const { logger } = new ServiceBroker({ logger: { type: 'Pino', options: { level: 'info', pino } } })
  lines.length = 0
  return { logger, lines }
}

test('an error is in the log line, wherever it stands in the call, with its cause', () => {
  const { logger, lines } = openLogger()
  const error = Object.assign(new Error('no answer', { cause: new Error('refused') }), { code: 'E1' })
  logger.warn({ provider: 'binance', error }, 'feed.unresolved')
  logger.error('The service did not start.', error)
  logger.error(error)
  const [first, second, third] = lines
  assert.deepEqual([first?.msg, first?.provider, first?.error?.message], ['feed.unresolved', 'binance', 'no answer'])
  assert.deepEqual(
    [second?.msg, second?.err?.message, second?.err?.code],
    ['The service did not start.', 'no answer', 'E1']
  )
  const cause = second?.err?.cause as Line['err']
  assert.equal(cause?.message, 'refused')
  assert.deepEqual([third?.msg, third?.err?.type], ['no answer', 'Error'])
})

test('fields after a text are in the log line', () => {
  const { logger, lines } = openLogger()
  logger.warn('source changed state', { source: 'binance', state: 'down' })
  assert.deepEqual([lines[0]?.msg, lines[0]?.source, lines[0]?.state], ['source changed state', 'binance', 'down'])
})

test('what a driver hangs on its errors is not logged: it holds passwords', () => {
  const { logger, lines } = openLogger()
  const command = { name: 'auth', args: ['s3cret'] }
  logger.error('Redis is away.', Object.assign(new Error('WRONGPASS'), { command }))
  logger.warn({ error: Object.assign(new Error('WRONGPASS'), { command }) }, 'latest.away')
  assert.equal(lines.length, 2)
  assert.doesNotMatch(JSON.stringify(lines), /s3cret/)
})
