import type { StoredPage } from '../buffer/read-page.ts'
import type { ReplayReport } from '../buffer/replays.ts'
import type { DeadLetter, DeadLetterPage } from '../transport/dead-letter.ts'
import type { RetryResult } from '../transport/dead-letter-retry.ts'
import type { GroupState, StreamState } from '../transport/stream-control.ts'
import type { TransportCounters } from '../transport/transport-counters.ts'
import type { RangeInput } from './command-input.ts'
import { serviceProblem } from './service-problem.ts'

type Action<Params, Answer> = (params: Params) => Answer
type None = Record<string, never>
type Group = { stream: string; group: string }

/** The actions of the service `buffer`, as the commands call them; a test holds them against the service. */
export interface BufferActions {
  streams: Action<None, StreamState[]>
  lag: Action<None, (GroupState & { stream: string })[]>
  pause: Action<Group, true>
  resume: Action<Group, true>
  read: Action<RangeInput & { stream: string; limit: number }, StoredPage>
  replay: Action<RangeInput & Group, number>
  replays: Action<None, ReplayReport[]>
  stopReplay: Action<{ id: number }, true>
  purge: Action<{ stream: string; upTo?: number; confirm?: string }, number>
  deadLetters: Action<{ after: number; limit: number }, DeadLetterPage>
  deadLetter: Action<{ number: number }, DeadLetter & { payload: unknown }>
  retryDeadLetters: Action<{ numbers: number[] }, RetryResult>
  removeDeadLetters: Action<{ numbers: number[] }, number>
  stats: Action<
    None,
    { transport: TransportCounters } & Record<'looks' | 'failedLooks' | 'announced' | 'purged', number>
  >
}

export type BufferAction = keyof BufferActions

/** Calls an action, wherever the service runs. @throws ReplError `no_service` or `refused`. */
export type CallBuffer = <A extends BufferAction>(
  action: A,
  params: Parameters<BufferActions[A]>[0]
) => Promise<ReturnType<BufferActions[A]>>

/** What is needed of a broker. */
export interface Caller {
  call<Answer, Params>(action: string, params: Params, options: { timeout: number }): Promise<Answer>
}

/** A purge of a large stream, or a handler that is slow, may take longer than a request between services. */
const TIMEOUT_MS = 60_000

export function bufferOf(broker: Caller): CallBuffer {
  return async (action, params) => {
    try {
      return await broker.call(`buffer.${action}`, params, { timeout: TIMEOUT_MS })
    } catch (error) {
      throw serviceProblem('buffer', error)
    }
  }
}
