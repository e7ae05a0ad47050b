import { execFile } from 'node:child_process'
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findBinary } from './find-binary.ts'
import { probe } from './probe.ts'
import type { ServerPlace, ServerRecipe } from './server-recipe.ts'

const run = promisify(execFile)
const PACKAGE = 'mariadb-server'

/** The account that a private MariaDB has besides root. Names and password without quotes. */
export interface DatabaseAccount {
  database: string
  user: string
  password: string
}

/** A MariaDB with its own data directory and one database; the account is set at each start. */
export function mariadbServer(account: DatabaseAccount): ServerRecipe {
  return {
    name: 'mariadb',
    binary: 'mariadbd',
    debianPackage: PACKAGE,
    prepare: place => install(place, account),
    args: ({ port, dir }) => [
      '--no-defaults',
      `--datadir=${join(dir, 'data')}`,
      // A server deletes at its start what others have in a directory they share.
      `--tmpdir=${dir}`,
      `--socket=${join(dir, 'mariadb.sock')}`,
      `--pid-file=${join(dir, 'mariadb.pid')}`,
      `--init-file=${join(dir, 'init.sql')}`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      ...asUser(),
      '--skip-name-resolve',
      '--silent-startup',
      // Where the pages that are written to do not fit, a row costs the server three times as much.
      '--innodb-buffer-pool-size=256M',
      '--innodb-log-file-size=128M',
      '--local-infile=1'
    ],
    // It takes connections after the init file; the first byte of its greeting's content is the protocol, 10.
    ready: ({ port }) => probe(port, '', reply => (reply.length > 4 ? reply.charCodeAt(4) === 10 : undefined))
  }
}

async function install({ dir }: ServerPlace, { database, user, password }: DatabaseAccount): Promise<void> {
  const init = [
    `CREATE DATABASE IF NOT EXISTS ${database};`,
    `CREATE OR REPLACE USER '${user}'@'127.0.0.1' IDENTIFIED BY '${password}';`,
    `GRANT ALL ON ${database}.* TO '${user}'@'127.0.0.1';`,
    ''
  ].join('\n')
  await writeFile(join(dir, 'init.sql'), init, { mode: 0o600 })
  if (await exists(join(dir, 'data', 'mysql'))) return
  const binary = await findBinary('mariadb-install-db', PACKAGE)
  const args = ['--no-defaults', `--datadir=${join(dir, 'data')}`, '--auth-root-authentication-method=normal']
  await run(binary, [...args, `--tmpdir=${dir}`, '--skip-test-db', ...asUser()])
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}

/** The server refuses to run as root unless it is told to. */
function asUser(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}
