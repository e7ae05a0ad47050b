import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findBinary } from './find-binary.ts'
import { probe } from './probe.ts'
import type { ServerPlace, ServerRecipe } from './server-recipe.ts'

const run = promisify(execFile)
const PACKAGE = 'mosquitto'

/** The account that a private Mosquitto lets in. Without colons and line ends. */
export interface MosquittoAccount {
  user: string
  password: string
}

/** A Mosquitto that writes its queues to its directory when it is stopped; one that is killed has them in memory only. */
export function mosquittoServer(account: MosquittoAccount): ServerRecipe {
  return {
    name: 'mosquitto',
    binary: 'mosquitto',
    debianPackage: PACKAGE,
    prepare: place => prepare(place, account),
    args: ({ dir }) => ['-c', join(dir, 'mosquitto.conf')],
    // CONNECT without a name; whatever the answer says, it is a CONNACK.
    ready: ({ port }) => probe(port, CONNECT, reply => (reply === '' ? undefined : reply.startsWith(' ')))
  }
}

/** Type and length, the protocol's name, version 4, a clean session, no keep-alive, an empty client id. */
const CONNECT = '\u0010\u000c\u0000\u0004MQTT\u0004\u0002\u0000\u0000\u0000\u0000'

async function prepare({ port, dir }: ServerPlace, { user, password }: MosquittoAccount): Promise<void> {
  const passwords = join(dir, 'passwords')
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous false',
    `password_file ${passwords}`,
    'persistence true',
    `persistence_location ${dir}/`,
    // Without this a subscriber that is away for long loses what is beyond a thousand, and nobody is told.
    'max_queued_messages 0',
    // As root it would become another user, who may not read the directory.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    ''
  ]
  await writeFile(join(dir, 'mosquitto.conf'), lines.join('\n'), { mode: 0o600 })
  await writeFile(passwords, `${user}:${password}\n`, { mode: 0o600 })
  // In place, so that the password is on no command line.
  await run(await findBinary('mosquitto_passwd', PACKAGE), ['-U', passwords])
}
