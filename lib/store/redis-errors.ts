import { StoreError, type StoreErrorCode } from '../store/store-error.ts'

/** The first word of Redis' error replies, which is their code. */
const CODES: Readonly<Record<string, StoreErrorCode>> = {
  BUSY: 'busy',
  LOADING: 'busy',
  TRYAGAIN: 'busy',
  MASTERDOWN: 'busy',
  OOM: 'unwritable',
  MISCONF: 'unwritable',
  READONLY: 'unwritable',
  NOREPLICAS: 'unwritable',
  NOAUTH: 'denied',
  NOPERM: 'denied',
  WRONGPASS: 'denied',
  WRONGTYPE: 'schema'
}

/** The coded form of what `ioredis` rejects with. */
export function redisError(error: unknown): StoreError {
  if (error instanceof StoreError) return error
  const { name, message } = error as Error
  // What is not an answer of the server is about the way to it: refused, closed, timed out, not writable.
  const code = name === 'ReplyError' ? (CODES[message.split(' ', 1)[0] ?? ''] ?? 'failed') : 'connection_lost'
  return new StoreError(code, message, { cause: error })
}
