import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { STREAM_DEFAULTS } from '../../lib/transport/stream-defaults.ts'
import { TRANSPORT_ERRORS } from '../../lib/transport/transport-error.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { startNatsServer } from '../kit/nats-server.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const SOURCE = join(ROOT, 'lib/transport')
const NAME = 'moleculer-jetstream'
const README = readFileSync(join(SOURCE, 'README.md'), 'utf8')
const TSC = join(ROOT, 'node_modules/.bin/tsc')

const place = await mkdtemp(join(tmpdir(), 'quotecast-package-'))
after(() => rm(place, { recursive: true }))
const tarball = await pack()

/** Builds and packs the folder in a copy of the tree, as `npm publish` would. No network. */
async function pack(): Promise<string> {
  const tree = join(place, 'tree')
  const folder = join(tree, 'lib/transport')
  await cp(SOURCE, folder, { recursive: true, filter: path => basename(path) !== 'dist' })
  await cp(join(ROOT, 'tsconfig.json'), join(tree, 'tsconfig.json'))
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  const args = ['pack', folder, '--offline', '--silent', '--ignore-scripts=false', '--pack-destination', place]
  const { stdout } = await run('npm', args, { cwd: tree })
  return join(place, stdout.trim())
}

/** A project of somebody else, in plain JavaScript modules, with the package and what it may find beside it. */
async function makeProject(t: TestContext, beside: readonly string[]): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'quotecast-project-'))
  cleanUp(t, () => rm(project, { recursive: true }))
  const modules = join(project, 'node_modules')
  await mkdir(join(modules, NAME), { recursive: true })
  await run('tar', ['-xzf', tarball, '-C', join(modules, NAME), '--strip-components=1'])
  for (const name of beside) await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  return project
}

/** The first block of the README in a language. */
function example(language: string): string {
  const code = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(README)?.[1]
  return code ?? assert.fail(`no example in ${language}`)
}

/** Writes the README's example into a project. @returns how to run it, with what it printed, line by line. */
async function writeShop(project: string, transporter: string) {
  await writeFile(join(project, 'shop.js'), example('js'))
  return async (...roles: string[]): Promise<string[]> => {
    const env = { PATH: process.env.PATH, TRANSPORTER: transporter }
    const { stdout } = await run(process.execPath, ['shop.js', ...roles], { cwd: project, env, timeout: 60_000 })
    return stdout.trim().split('\n')
  }
}

const BILLED = ['billed order-30, event 1', 'billed order-50, event 3', 'gave up order.placed: cannot bill 0']

test('the tarball has what is built, its types, the README and the licence, and nothing else', async t => {
  const folder = join(await makeProject(t, []), 'node_modules', NAME)
  assert.deepEqual((await readdir(folder)).sort(), ['LICENSE', 'README.md', 'dist', 'package.json'])
  const built = await readdir(join(folder, 'dist'))
  const sources = (await readdir(SOURCE)).filter(name => name.endsWith('.ts')).map(name => basename(name, '.ts'))
  assert.deepEqual(built.sort(), sources.flatMap(name => [`${name}.js`, `${name}.d.ts`]).sort())
  assert.equal(readFileSync(join(folder, 'LICENSE'), 'utf8'), readFileSync(join(ROOT, 'LICENSE'), 'utf8'))
})

test('the README names every error and every default of a stream', () => {
  const errors = [...README.matchAll(/^\| `(\w+)` +\| (yes|no) /gm)].map(([, code, retryable]) => [code, retryable])
  const expected = Object.entries(TRANSPORT_ERRORS).map(([code, { retryable }]) => [code, retryable ? 'yes' : 'no'])
  assert.deepEqual(errors, expected)
  for (const field of Object.keys(STREAM_DEFAULTS)) assert.match(README, new RegExp(`^\\| \`${field}\` `, 'm'))
})

test("the README's example: with a server, orders placed while nobody bills are billed by a later process", async t => {
  const nats = await startNatsServer(t)
  const shop = await writeShop(await makeProject(t, ['moleculer', 'nats']), `nats://${nats.server}`)
  assert.deepEqual(await shop('place'), ['placed'])
  assert.deepEqual(await shop('place'), ['placed'], 'the same message ids')
  assert.deepEqual(await shop('bill'), BILLED)
  const [letter] = BILLED.slice(2)
  assert.deepEqual(await shop('bill'), [letter], 'nothing is billed twice')
})

test("the README's example: in memory, without the package nats, one process places and then bills", async t => {
  const shop = await writeShop(await makeProject(t, ['moleculer']), 'memory:')
  assert.deepEqual(await shop('place', 'bill'), ['placed', ...BILLED])
})

test("the README's example in TypeScript compiles against the package's types, and mistakes do not", async t => {
  const project = await makeProject(t, ['moleculer', '@types', 'undici-types'])
  await writeFile(join(project, 'orders.ts'), example('ts'))
  const mistakes = `
    import { createTransport, type StreamControl, streamControlOf } from '${NAME}'
    import { ServiceBroker } from 'moleculer'
    import { publish } from './orders.ts'
    const { transporter, middleware } = await createTransport('memory:', {
      streams: [{ name: 'orders', events: ['order.placed'], groups: ['billing'] }]
    })
    const broker = new ServiceBroker({ transporter, middlewares: [middleware], disableBalancer: true })
    const control: StreamControl = streamControlOf(broker)
    const lag: number | undefined = (await control.streams())[0]?.groups[0]?.pending
    await publish(broker, 'order.placed', { id: 'a', amount: lag ?? 0 })
    // @ts-expect-error: no such event
    await publish(broker, 'order.paced', { id: 'a', amount: 1 })
    // @ts-expect-error: not its payload
    await publish(broker, 'order.placed', { id: 'a' })
    // @ts-expect-error: no groups
    await createTransport('memory:', { streams: [{ name: 'orders', events: [] }] })`
  await writeFile(join(project, 'app.ts'), mistakes)
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
  const { stdout } = await run(TSC, [...options, '--allowImportingTsExtensions', 'app.ts'], { cwd: project }).catch(
    (error: { stdout: string }) => error
  )
  // Moleculer's own declarations are not without errors.
  const complaints = stdout.split('\n').filter(line => /^\S/.test(line) && !line.includes('node_modules/moleculer/'))
  assert.deepEqual(complaints, [])
})
