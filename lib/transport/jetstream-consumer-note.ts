import type { ConsumerInfo } from 'nats'

/** What is kept in a consumer's description: every node reads it, on every server. */
export interface ConsumerNote {
  /** Its group gets nothing until it is resumed. */
  paused: boolean
  /** How often its stream had gone back in time when it was made. */
  renewals: number
}

const PAUSED = 'paused'
const EPOCH = /epoch (\d+)/

export function readNote({ config }: Pick<ConsumerInfo, 'config'>): ConsumerNote {
  const { description = '' } = config
  return { paused: description.includes(PAUSED), renewals: Number(EPOCH.exec(description)?.[1] ?? 0) }
}

export function writeNote({ paused, renewals }: ConsumerNote): string {
  return [paused ? PAUSED : '', renewals > 0 ? `epoch ${renewals}` : ''].filter(part => part !== '').join(', ')
}
