import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectAmqp } from 'amqplib'
import { Redis } from 'ioredis'
import { connectAsync as connectMqtt } from 'mqtt'
import { createConnection } from 'mysql2/promise'
import { connect } from 'nats'
import { Child } from '../../lib/cluster/child.ts'
import { findBinary } from '../../lib/cluster/find-binary.ts'
import { freePort } from '../../lib/cluster/free-port.ts'
import { mariadbServer } from '../../lib/cluster/mariadb-server.ts'
import { mosquittoServer } from '../../lib/cluster/mosquitto-server.ts'
import { canSyncAlways, natsServer } from '../../lib/cluster/nats-server.ts'
import { rabbitmqServer } from '../../lib/cluster/rabbitmq-server.ts'
import { redisServer } from '../../lib/cluster/redis-server.ts'
import type { ServerRecipe } from '../../lib/cluster/server-recipe.ts'
import { waitUntil } from '../kit/wait-until.ts'

const PASSWORD = 'p0123456789'

/** What each server must let in, and what it must keep out. */
const SERVERS: { recipe: ServerRecipe; enter: (port: number, password: string) => Promise<void> }[] = [
  {
    recipe: natsServer({ config: `authorization { user: u, password: ${PASSWORD} }` }),
    enter: async (port, password) => {
      const connection = await connect({ servers: `127.0.0.1:${port}`, user: 'u', pass: password, reconnect: false })
      await connection.jetstreamManager()
      await connection.close()
    }
  },
  {
    recipe: mariadbServer({ database: 'd', user: 'u', password: PASSWORD }),
    enter: async (port, password) => {
      const connection = await createConnection(`mysql://u:${password}@127.0.0.1:${port}/d`)
      await connection.end()
    }
  },
  {
    recipe: redisServer(PASSWORD),
    enter: async (port, password) => {
      const redis = new Redis({ port, password, lazyConnect: true, retryStrategy: () => null })
      redis.on('error', () => {})
      await redis.connect().finally(() => redis.disconnect())
    }
  },
  {
    recipe: rabbitmqServer({
      user: 'u',
      password: PASSWORD,
      distributionPort: await freePort(),
      registryPort: await freePort()
    }),
    enter: async (port, password) => {
      const connection = await connectAmqp(`amqp://u:${password}@127.0.0.1:${port}`)
      await connection.close()
    }
  },
  {
    recipe: mosquittoServer({ user: 'u', password: PASSWORD }),
    enter: async (port, password) => {
      const url = `mqtt://u:${password}@127.0.0.1:${port}`
      const client = await connectMqtt(url, { reconnectPeriod: 0 }, false)
      await client.endAsync()
    }
  }
]

for (const { recipe, enter } of SERVERS) {
  test(`a private ${recipe.name} lets in who knows the password, nobody else, and starts again on the same directory`, async t => {
    const place = { port: await freePort(), dir: await mkdtemp(join(tmpdir(), 'quotecast-recipe-')) }
    t.after(() => rm(place.dir, { recursive: true, force: true }))
    const command = await findBinary(recipe.binary, recipe.debianPackage)
    for (const _start of ['first', 'again']) {
      await recipe.prepare(place)
      const output: string[] = []
      const child = new Child({
        name: recipe.name,
        command,
        args: recipe.args(place),
        cwd: place.dir,
        print: (_name, line) => output.push(line),
        backOff: { next: () => 60_000, reset() {} }
      })
      t.after(() => child.kill())
      assert.equal(await recipe.ready(place), false)
      child.start()
      await waitUntil(`${recipe.name} answers`, () => {
        assert.equal(child.restarts, 0, output.join('\n'))
        return recipe.ready(place)
      })
      await enter(place.port, PASSWORD)
      await assert.rejects(enter(place.port, 'wrong'))
      await child.stop()
    }
  })
}

test('a nats-server from 2.10 on is found able to bring messages to the disk before it answers, an older one is not', async () => {
  const binary = await findBinary('nats-server', 'nats-server')
  const [, major = '', minor = ''] =
    /v(\d+)\.(\d+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' })) ?? []
  const expected = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 10)
  assert.equal(await canSyncAlways(binary), expected)
})
