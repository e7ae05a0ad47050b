import { mosquittoServer } from '../../lib/cluster/mosquitto-server.ts'
import type { Scope } from './clean-up.ts'
import { type PrivateProcess, startProcess } from './private-process.ts'

/** With characters that a URL must escape. */
const ACCOUNT = { user: 'quotecast', password: 'p@ss/word+1' }

export interface MosquittoServer extends PrivateProcess {
  /** `mqtt://…` with the server's account. */
  url: string
}

/** A private Mosquitto; what it has queued outlives `stop` and `restart`, but not `kill9`. */
export async function startMosquitto(t: Scope): Promise<MosquittoServer> {
  const server = await startProcess(t, mosquittoServer(ACCOUNT))
  const { user, password } = ACCOUNT
  return { ...server, url: `mqtt://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}` }
}
