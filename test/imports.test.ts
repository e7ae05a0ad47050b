import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, sep } from 'node:path'
import { test } from 'node:test'

/**
 * What each folder may import of the others; `docs/architecture.md` draws it. A folder may always import itself.
 * Everything may import the packages of package.json, except where {@link ONLY} says who alone may.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  bin: ['.', 'lib/*'],
  services: ['.', 'mixins', 'lib/*'],
  mixins: ['lib/*'],
  'lib/buffer': ['lib/transport'],
  'lib/access': [],
  'lib/config': ['lib/access', 'lib/instruments', 'lib/transport', 'lib/relay'],
  'lib/quote': ['lib/instruments'],
  'lib/instruments': ['lib/quote', 'lib/store'],
  'lib/sources': [],
  'lib/exchange': [],
  'lib/egress': [],
  'lib/schedule': ['lib/config', 'lib/sources'],
  'lib/fetch': ['lib/egress', 'lib/sources', 'lib/config'],
  'lib/feed': ['lib/sources', 'lib/config'],
  'lib/transport': [],
  'lib/store': [],
  'lib/relay': [],
  'lib/history': ['lib/store'],
  'lib/latest': ['lib/store'],
  'lib/push': ['lib/access', 'lib/store'],
  'lib/repl': ['lib/buffer', 'lib/push', 'lib/transport'],
  'lib/cluster': [],
  client: [],
  '.': ['lib/*']
}
const EVERY_LIB = ['lib/quote', 'lib/instruments']

/** Packages that belong to one kind of folder. */
const ONLY: Record<string, readonly string[]> = {
  moleculer: ['.', 'bin', 'services', 'mixins', 'lib/transport'],
  nats: ['lib/transport'],
  mysql2: ['lib/store'],
  ioredis: ['lib/store'],
  jose: ['lib/access'],
  undici: ['lib/egress'],
  amqplib: ['lib/relay'],
  mqtt: ['lib/relay']
}

const files = globSync(['*.ts', 'bin/*.{ts,js}', 'services/**/*.ts', 'mixins/**/*.ts', 'lib/**/*.ts', 'client/*.ts'])

function folderOf(file: string): string {
  const [top = '.', second] = normalize(file).split(sep)
  if (!file.includes(sep)) return '.'
  return top === 'lib' ? `lib/${second}` : top
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g)].map(([, target = '']) => target)
}

function allowed(from: string, to: string): boolean {
  const table = [...(MAY_IMPORT[from] ?? []), ...(from.startsWith('lib/') && from !== 'lib/transport' ? EVERY_LIB : [])]
  return from === to || table.some(entry => entry === to || (entry === 'lib/*' && to.startsWith('lib/')))
}

test('imports run one way: services -> mixins -> lib, and between the folders of lib as the table says', () => {
  const broken: string[] = []
  for (const file of files) {
    const from = folderOf(file)
    assert.ok(from in MAY_IMPORT, `${file}: its folder ${from} is not in the table`)
    for (const target of importsOf(file)) {
      if (target.startsWith('.')) {
        const to = folderOf(join(dirname(file), target))
        if (!allowed(from, to)) broken.push(`${file} imports ${target}`)
      } else {
        const owners = ONLY[target.split('/')[0] ?? '']
        if (owners !== undefined && !owners.includes(from))
          broken.push(`${file} imports ${target}, which belongs to ${owners.join(', ')}`)
      }
    }
  }
  assert.deepEqual(broken, [])
})

test('only moleculer.config.ts reads the environment', () => {
  const readers = files.filter(file => /\bprocess\s*\.\s*env\b/.test(readFileSync(file, 'utf8')))
  assert.deepEqual(readers, ['moleculer.config.ts'])
})

test('the table has no folder that does not exist', () => {
  const folders = new Set(files.map(folderOf))
  assert.deepEqual(
    Object.keys(MAY_IMPORT).filter(folder => !folders.has(folder)),
    []
  )
})
