import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { findBinary, type Place, type PrivateProcess, startProcess } from './private-process.ts'

const run = promisify(execFile)
const USER = 'quotecast'
const PASSWORD = 'p@ss:word/1'
const DATABASE = 'quotecast'

export interface MariadbServer extends PrivateProcess {
  /** `mysql://…` of an empty database, by a user that needs its password. */
  url: string
}

export interface MariadbOptions {
  /** More options of the server, e.g. `--max-allowed-packet=64K`. */
  args?: readonly string[]
}

/** A private MariaDB with its own data directory; it keeps its data over `kill9` and `restart`. */
export async function startMariadb(t: TestContext, options: MariadbOptions = {}): Promise<MariadbServer> {
  const server = await startProcess(t, {
    name: 'mariadb',
    binary: 'mariadbd',
    debianPackage: 'mariadb-server',
    prepare: install,
    args: ({ port, dir }) => [
      '--no-defaults',
      `--datadir=${join(dir, 'data')}`,
      `--socket=${join(dir, 'mariadb.sock')}`,
      `--pid-file=${join(dir, 'mariadb.pid')}`,
      `--init-file=${join(dir, 'init.sql')}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      ...asUser(),
      '--innodb-buffer-pool-size=64M',
      '--innodb-log-file-size=32M',
      ...(options.args ?? [])
    ],
    ready: async ({ port }) => {
      const connection = await createConnection(urlOf(port))
      await connection.query('SELECT 1')
      await connection.end()
      return true
    },
    readyTimeoutMs: 60_000
  })
  return { ...server, url: urlOf(server.port) }
}

async function install({ dir }: Place): Promise<void> {
  const binary = await findBinary('mariadb-install-db')
  if (binary === undefined)
    throw new Error('expected mariadb-install-db on PATH; on Debian: apt-get install mariadb-server')
  const args = ['--no-defaults', `--datadir=${join(dir, 'data')}`, '--auth-root-authentication-method=normal']
  await run(binary, [...args, '--skip-test-db', ...asUser()])
  await writeFile(
    join(dir, 'init.sql'),
    [
      `CREATE DATABASE IF NOT EXISTS ${DATABASE};`,
      `CREATE USER IF NOT EXISTS '${USER}'@'127.0.0.1' IDENTIFIED BY '${PASSWORD}';`,
      `GRANT ALL ON ${DATABASE}.* TO '${USER}'@'127.0.0.1';`,
      ''
    ].join('\n')
  )
}

function urlOf(port: number): string {
  return `mysql://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${DATABASE}`
}

/** The server refuses to run as root unless it is told to. */
function asUser(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}
