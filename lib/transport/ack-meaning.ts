import { isAtLeast } from './server-version.ts'

/** What an event outlives once its publisher has been told that it is stored. */
export interface AckMeaning {
  /** The server's process is killed, and ours. */
  processCrash: boolean
  /** The power of every server that holds it fails at once. */
  powerLoss: boolean
  /** Servers that hold it and may be lost for good, with their disks. */
  replicaLosses: number
  /** Why it is not more. */
  because: string[]
}

/** How the servers bring what they acknowledged to their disks: before they answer, or every now and then. */
export type Fsync = 'always' | 'interval'

export interface Durability {
  storage: 'file' | 'memory'
  replicas: number
  /** What the configuration states of the servers; a server does not tell it to its clients. */
  fsync: Fsync
  /** `major.minor.patch` of the server. */
  serverVersion: string
}

/** The first nats-server that can bring every write to the disk before it answers. */
const FSYNC_SINCE = [2, 10]

export function ackMeaning({ storage, replicas, fsync, serverVersion }: Durability): AckMeaning {
  const because: string[] = []
  const possible = isAtLeast(serverVersion, FSYNC_SINCE)
  if (storage === 'memory') because.push('the stream is in memory')
  else if (fsync === 'interval') because.push('the servers are not stated to write to the disk before they answer')
  else if (!possible) {
    because.push(
      `nats-server ${serverVersion} cannot write to the disk before it answers: ${FSYNC_SINCE.join('.')} can`
    )
  }
  if (replicas === 1) because.push('one server holds it')
  return {
    processCrash: storage === 'file' || replicas > 1,
    powerLoss: storage === 'file' && fsync === 'always' && possible,
    // A majority has it when it is acknowledged.
    replicaLosses: Math.floor((replicas - 1) / 2),
    because
  }
}

/** A stream in the memory of this process. */
export const NOTHING_SURVIVES: AckMeaning = {
  processCrash: false,
  powerLoss: false,
  replicaLosses: 0,
  because: ['the stream is in the memory of this process']
}
