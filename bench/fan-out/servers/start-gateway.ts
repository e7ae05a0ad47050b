import { join } from 'node:path'
import type { Scope } from '../../../test/kit/clean-up.ts'
import { startPart } from '../../kit/part.ts'
import type { Form } from '../task.ts'
import type { GatewayReady } from './gateway.ts'
import type { GatewayName } from './gateway-process.ts'
import type { Running } from './running.ts'

const EXEC_ARGV = ['--disable-warning=ExperimentalWarning', '--expose-gc']

export interface RunningGateway extends Running {
  counters(): Promise<Record<string, number>>
}

/** A server that runs on this Node. */
export async function startGateway(scope: Scope, name: GatewayName, form: Form): Promise<RunningGateway> {
  const script = join(import.meta.dirname, 'gateway-process.ts')
  const part = await startPart<GatewayReady>(scope, script, { name, form }, { execArgv: EXEC_ARGV })
  const { port, feedPort, originMicros } = part.ready
  return {
    pid: part.pid,
    port,
    publishPort: feedPort,
    originMicros: form === 'updates' ? originMicros : null,
    collect: () => part.call('collect'),
    counters: () => part.call('counters')
  }
}
