/** What the connection went through. */
export interface RedisCounters {
  connections: number
  /** Errors of the connection, failed attempts to reconnect included. */
  errors: number
  /** Commands given up because the server did not answer. */
  timeouts: number
}

export function newRedisCounters(): RedisCounters {
  return { connections: 0, errors: 0, timeouts: 0 }
}
