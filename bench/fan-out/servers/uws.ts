import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import type { Scope } from '../../../test/kit/clean-up.ts'
import { startPart } from '../../kit/part.ts'
import type { GatewayReady } from './gateway.ts'
import type { Running } from './running.ts'

const PACKAGE = '@trufflesuite/uws-js-unofficial'

/** uWebSockets, on a Node that its binaries are for. @throws Error that says what is missing. */
export async function startUws(scope: Scope): Promise<Running> {
  const script = join(import.meta.dirname, 'uws-process.js')
  const part = await startPart<GatewayReady>(scope, script, {}, { execPath: findNode(), execArgv: ['--expose-gc'] })
  const { port, feedPort } = part.ready
  return { pid: part.pid, port, publishPort: feedPort, originMicros: null, collect: () => part.call('collect') }
}

/** It is no dependency: its binaries are 113 MB, and what it brings along builds at install. */
function binariesFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)), 'binaries')
  } catch {
    throw new Error(`expected ${PACKAGE}, found none: npm install --no-save --ignore-scripts ${PACKAGE}`)
  }
}

/** The first `node` on the path that has a binary: not the one that runs this. */
function findNode(): string {
  const folder = binariesFolder()
  const found: string[] = []
  for (const path of new Set((process.env.PATH ?? '').split(delimiter))) {
    const node = join(path, 'node')
    if (!existsSync(node)) continue
    const [version, abi] = String(execFileSync(node, ['-p', 'process.version+" "+process.versions.modules'])).split(
      /\s/
    )
    if (existsSync(join(folder, `uws_${process.platform}_${process.arch}_${abi}.node`))) return node
    found.push(version ?? node)
  }
  throw new Error(`expected a node that the binaries of ${PACKAGE} are for, such as 20; found ${found.join(', ')}`)
}
