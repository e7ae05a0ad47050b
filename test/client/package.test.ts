import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { CLIENT_ERRORS } from '../../client/client-error.ts'
import { DEFAULT_OPTIONS } from '../../client/client-options.ts'
import { openPage } from '../kit/chromium.ts'
import { cleanUp } from '../kit/clean-up.ts'
import { CLIENT_BUNDLE, CLIENT_SOURCE, packClient } from '../kit/client-package.ts'
import { serveSite } from '../kit/small-site.ts'
import { waitUntil } from '../kit/wait-until.ts'
import { startGateway } from './start-gateway.ts'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const NAME = 'quotecast-client'
const MAX_BYTES = 6 * 1024
const README = readFileSync(join(CLIENT_SOURCE, 'README.md'), 'utf8')
const TSC = join(ROOT, 'node_modules/.bin/tsc')

const place = await mkdtemp(join(tmpdir(), 'quotecast-client-'))
after(() => rm(place, { recursive: true }))
const tarball = await packClient(place)

/** A project of somebody else, in which the package was installed. */
async function makeProject(t: TestContext): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), 'quotecast-project-'))
  cleanUp(t, () => rm(project, { recursive: true }))
  await writeFile(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await run('npm', ['install', tarball, '--offline', '--silent', '--no-audit', '--no-fund'], { cwd: project })
  return project
}

/** The first block of the README in a language. */
function example(language: string): string {
  const code = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(README)?.[1]
  return code ?? assert.fail(`no example in ${language}`)
}

test('the tarball has what is built, its types, the README and the licence, and nothing else', async t => {
  const folder = join(await makeProject(t), 'node_modules', NAME)
  assert.deepEqual((await readdir(folder)).sort(), ['LICENSE', 'README.md', 'dist', 'package.json'])
  const sources = (await readdir(CLIENT_SOURCE)).filter(name => name.endsWith('.ts')).map(name => basename(name, '.ts'))
  const expected = [CLIENT_BUNDLE, ...sources.flatMap(name => [`${name}.js`, `${name}.d.ts`])]
  assert.deepEqual((await readdir(join(folder, 'dist'))).sort(), expected.sort())
  assert.equal(readFileSync(join(folder, 'LICENSE'), 'utf8'), readFileSync(join(ROOT, 'LICENSE'), 'utf8'))
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { dependencies?: object }
  assert.equal(dependencies, undefined)
})

test('minified and compressed by `gzip -9` it is under 6 KB, and exports what the modules do', async t => {
  const dist = join(await makeProject(t), 'node_modules', NAME, 'dist')
  const { stdout } = await run('gzip', ['-9', '--stdout', join(dist, CLIENT_BUNDLE)], { encoding: 'buffer' })
  const bytes = stdout.length
  t.diagnostic(`${bytes} bytes`)
  assert.ok(bytes < MAX_BYTES, `${bytes} bytes`)
  const [bundle, modules] = await Promise.all([import(join(dist, CLIENT_BUNDLE)), import(join(dist, 'index.js'))])
  assert.deepEqual(Object.keys(bundle), Object.keys(modules))
})

test('the README names every option with its default, and every error', () => {
  for (const [name, value] of Object.entries(DEFAULT_OPTIONS)) {
    const shown =
      typeof value === 'number' ? value.toLocaleString('en') : typeof value === 'string' ? `\`'${value}'\`` : ''
    assert.match(README, new RegExp(`^\\| \`${name}\` +\\| ${shown}`, 'm'))
  }
  const errors = [...README.matchAll(/^\| `(\w+)` +\| (yes|no) /gm)].map(([, code, retryable]) => [code, retryable])
  assert.deepEqual(
    errors,
    Object.entries(CLIENT_ERRORS).map(([code, retryable]) => [code, retryable ? 'yes' : 'no'])
  )
})

test("the README's example for Node follows a real gateway and ends", { timeout: 60_000 }, async t => {
  const [project, gateway] = await Promise.all([makeProject(t), startGateway(t)])
  await writeFile(join(project, 'follow.js'), example('js'))
  const args = ['follow.js', `ws://127.0.0.1:${gateway.port}`]
  const { stdout, stderr } = await run(process.execPath, args, { cwd: project, timeout: 30_000 })
  const lines = stdout.trim().split('\n')
  assert.equal(stderr, '')
  assert.match(lines[0] ?? '', /^connecting ws:\/\/127\.0\.0\.1:\d+\/v1\/stream/)
  assert.equal(lines.filter(line => /^\w+:spot:\S+ ([\d.]+|-) \d+$/.test(line)).length, 20, stdout)
  assert.match(lines.at(-1) ?? '', /^closed/)
})

test("the README's page shows the prices of a real gateway in a browser", { timeout: 60_000 }, async t => {
  const page = await openPage(t)
  if (page === undefined) return
  const [project, gateway] = await Promise.all([makeProject(t), startGateway(t)])
  const bundle = readFileSync(join(project, 'node_modules', NAME, 'dist', CLIENT_BUNDLE), 'utf8')
  const site = await serveSite(t, { '/': example('html'), [`/${CLIENT_BUNDLE}`]: bundle })
  await page.goto(`${site}/?gateway=ws://127.0.0.1:${gateway.port}`)
  const text = () => page.locator('#quotes').textContent()
  await waitUntil('prices are shown', async () => /:spot:\S+ {2}[\d.]+/.test((await text()) ?? ''))
  const before = await text()
  await waitUntil('they change', async () => (await text()) !== before)
})

test("the README's example in TypeScript compiles with either environment's types, and mistakes do not", async t => {
  const project = await makeProject(t)
  for (const name of ['@types', 'undici-types'])
    await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name))
  await writeFile(join(project, 'show.ts'), `${example('ts')}\nexport { client, quotes }\n`)
  const mistakes = `
    import { QuoteClient, QuoteClientError, type Subscription } from '${NAME}'
    import { client, quotes } from './show.js'
    for await (const row of quotes) {
      const bid: string | null | undefined = row.bid
      const time: number | null | undefined = row.exchangeTime
      // @ts-expect-error: not among the fields
      row.last
      // @ts-expect-error: a price is no number
      const ask: number = row.ask
      console.log(bid, time, ask)
    }
    const narrower: Subscription<'last'> = await quotes.update({ fields: ['last'] })
    narrower.on('rows', ({ rows }) => rows[0]?.last)
    // @ts-expect-error: no such event
    quotes.on('row', () => {})
    // @ts-expect-error: no such field
    client.subscribe({ keys: [], fields: ['lsat'] })
    // @ts-expect-error: no such mode
    client.subscribe({ keys: [], mode: 'some' })
    // @ts-expect-error: a board is only read
    quotes.board.clear()
    // @ts-expect-error: neither a token nor a key
    new QuoteClient('ws://host', { auth: { password: '' } })
    const everything = client.subscribe({ patterns: ['*:*:*'] })
    const turnover: string | null | undefined = everything.board.get('A')?.turnover
    new QuoteClient('ws://host', { WebSocket })
    throw new QuoteClientError('closed', turnover ?? '')`
  await writeFile(join(project, 'app.ts'), mistakes)
  await writeFile(
    join(project, 'with-ws.ts'),
    `import { WebSocket } from 'ws'\nimport { QuoteClient } from '${NAME}'\nnew QuoteClient('ws://host', { WebSocket })\n`
  )
  await mkdir(join(project, 'node_modules/ws'))
  for (const file of ['package.json', 'wrapper.mjs', 'index.js'])
    await cp(join(ROOT, 'node_modules/ws', file), join(project, 'node_modules/ws', file))
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024']
  const browser = ['--lib', 'es2024,dom', '--types', '', 'app.ts']
  const node = ['--lib', 'es2024', '--types', 'node', 'app.ts', 'with-ws.ts']
  for (const environment of [browser, node]) {
    const { stdout } = await run(TSC, [...options, ...environment], { cwd: project }).catch(
      (error: { stdout: string }) => error
    )
    assert.equal(stdout, '', environment.join(' '))
  }
})
