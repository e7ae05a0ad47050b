import { redisServer } from '../../lib/cluster/redis-server.ts'
import type { Scope } from './clean-up.ts'
import { type PrivateProcess, startProcess } from './private-process.ts'

/** With characters that a URL must escape. */
const PASSWORD = 'p@ss/1'

export interface RedisServer extends PrivateProcess {
  /** `redis://…` with the server's password. */
  url: string
}

/** A private Redis that writes every command to its append-only file: it keeps its data over `kill9` and `restart`. */
export async function startRedis(t: Scope): Promise<RedisServer> {
  const server = await startProcess(t, redisServer(PASSWORD))
  return { ...server, url: `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}/0` }
}
