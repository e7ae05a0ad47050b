import type { Group } from './group.ts'
import type { Row } from './link.ts'
import type { ResumeFailure, ResumePolicy } from './protocol.ts'

/** From where a client wants to go on in a subscription. */
export interface Since {
  readonly epoch: string
  /** It has every update up to here. */
  readonly q: number
  readonly policy: ResumePolicy
}

/** What a client that goes on is given: the rows that it missed, or a snapshot for a reason. */
export type Resumption =
  | { readonly isRecovered: true; readonly rows: readonly Row[] }
  | { readonly isRecovered: false; readonly reason: ResumeFailure }

/** @param maxRows with more, a snapshot is the better answer */
export function resumptionOf(group: Group, { epoch, q, policy }: Since, maxRows: number): Resumption {
  const refuse = (reason: ResumeFailure): Resumption => ({ isRecovered: false, reason })
  if (policy === 'latest') return refuse('policy_latest')
  if (epoch !== group.epoch) return refuse('epoch_changed')
  if (q > group.position) return refuse('gateway_behind')
  const rows = group.missedSince(q)
  if (rows === undefined) return refuse('too_old')
  return rows.length > maxRows ? refuse('too_many') : { isRecovered: true, rows }
}
