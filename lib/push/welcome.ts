import type { Access } from '../access/access.ts'
import { FEATURES, publicLimits, type Welcome } from './protocol.ts'
import type { Session } from './session.ts'

/** What a gateway says first. */
export function welcomeOf(
  { id, resumeToken, origin, rights }: Session,
  { node, epoch, access, hasHistory }: { node: string; epoch: string; access: Access; hasHistory: boolean }
): Welcome {
  return {
    type: 'welcome',
    v: 1,
    session: id,
    resumeToken,
    node,
    epoch,
    time: origin.connectedAt,
    heartbeatMs: rights.limits.heartbeatMs,
    auth: access.mode,
    ...(rights.identity === null ? { authDeadlineMs: access.config.authDeadlineMs } : {}),
    limits: publicLimits(rights.limits),
    features: hasHistory ? [...FEATURES, 'replay'] : FEATURES
  }
}
