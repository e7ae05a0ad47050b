import { mariadbServer } from '../../lib/cluster/mariadb-server.ts'
import type { Scope } from './clean-up.ts'
import { type PrivateProcess, startProcess } from './private-process.ts'

/** A password with characters that a URL must escape. */
const ACCOUNT = { database: 'quotecast', user: 'quotecast', password: 'p@ss:word/1' }

export interface MariadbServer extends PrivateProcess {
  /** `mysql://…` of an empty database, by a user that needs its password. */
  url: string
}

export interface MariadbOptions {
  /** More options of the server, e.g. `--max-allowed-packet=64K`. */
  args?: readonly string[]
}

/** A private MariaDB with its own data directory; it keeps its data over `kill9` and `restart`. */
export async function startMariadb(t: Scope, options: MariadbOptions = {}): Promise<MariadbServer> {
  const recipe = mariadbServer(ACCOUNT)
  const args: typeof recipe.args = place => [...recipe.args(place), ...(options.args ?? [])]
  const server = await startProcess(t, { ...recipe, args, readyTimeoutMs: 60_000 })
  const { database, user, password } = ACCOUNT
  return { ...server, url: `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${server.port}/${database}` }
}
