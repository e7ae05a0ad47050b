import { MemorySessions } from './memory-sessions.ts'
import type { SessionStore } from './session-store.ts'

/** Opens the sessions beside the latest store: in its Redis, or in this process for `memory:`. @throws StoreError */
export async function openSessions(latestUrl: string, namespace: string, windowMs: number): Promise<SessionStore> {
  if (latestUrl === 'memory:') return new MemorySessions(windowMs, () => performance.now())
  const { RedisSessions } = await import('./redis-sessions.ts')
  return RedisSessions.open(latestUrl, namespace, windowMs)
}
