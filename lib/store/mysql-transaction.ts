import type { PoolConnection } from 'mysql2/promise'
import { isLockConflict } from './mysql-errors.ts'

/**
 * Runs work in a transaction of a connection and commits it. After a lock conflict the connection is free of it and may be used
 * again; after any other error it must be destroyed, which rolls back.
 */
export async function inTransaction<T>(connection: PoolConnection, work: () => Promise<T>): Promise<T> {
  await connection.beginTransaction()
  try {
    const result = await work()
    await connection.commit()
    return result
  } catch (error) {
    if (isLockConflict(error)) await connection.rollback()
    throw error
  }
}
