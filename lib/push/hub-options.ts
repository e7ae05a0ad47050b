import type { Access } from '../access/access.ts'
import type { Clock } from './clock.ts'
import type { PushLimits } from './limits.ts'
import type { LoopDelay } from './loop-delay.ts'
import type { OverloadChange } from './overload.ts'
import type { PlaybackHistory } from './playback-history.ts'
import type { SessionStore } from './session-store.ts'

/** What a gateway's push engine works with. */
export interface HubOptions {
  /** The name of this gateway, told in the welcome. */
  node: string
  limits?: Partial<PushLimits>
  /** Who may connect and see what; everybody and everything when absent. */
  access?: Access
  clock?: Clock
  /** From 0 to below 1. */
  random?: () => number
  /** Whether there is such an instrument, beyond those on the board. */
  isKnown: (key: string) => boolean
  /** Told of a valid key without a value that a client asked for. */
  onWanted?: (key: string) => void
  /** Where sessions are kept for clients that come back; in this process when absent. */
  sessions?: SessionStore
  /** What may be played; nothing when absent. */
  history?: PlaybackHistory
  /** Told of a message that could not be answered, which is a defect, and of a playback that could not go on. */
  onError?: (error: unknown) => void
  /** How late this process is; its event loop's delay when absent. */
  loopDelay?: LoopDelay
  /** Told of every step of the overload ladder. */
  onOverload?: (change: OverloadChange) => void
}
