import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { minify } from 'terser'

/**
 * Puts the built modules of `dist` into one minified module, for pages without a build of their own. The modules import only each
 * other, each by the names that it exports, and no two have a name in common: the minifier refuses a second declaration. In them
 * `#` stands for private members and nothing else.
 */
const DIST = join(import.meta.dirname, '../dist')
const BUNDLE = 'quotecast-client.min.js'
const PRIVATE = /#[a-z]\w*/g
const IMPORT = /^(?:import|export)\s*(\{[^}]*\})\s*from\s*'\.\/([^']+)';?$/gm

const texts = new Map<string, string>()
const exported: string[] = []

/** Adds a module behind those that it imports. */
function add(file: string, isEntry: boolean): void {
  if (texts.has(file)) return
  texts.set(file, '')
  const source = readFileSync(join(DIST, file), 'utf8')
  for (const [statement, names = '', target = ''] of source.matchAll(IMPORT)) {
    if (isEntry && statement.startsWith('export')) exported.push(names.slice(1, -1))
    add(target, false)
  }
  texts.delete(file)
  texts.set(file, renumberPrivate(source.replaceAll(IMPORT, '').replaceAll(/^export (?=\w)/gm, '')))
}

/**
 * Gives the private members of a module the same few names as those of every other, the most used one the first. A name is private
 * to its class, but the minifier would give each a name of its own in the whole bundle.
 */
function renumberPrivate(source: string): string {
  const uses = new Map<string, number>()
  for (const [name] of source.matchAll(PRIVATE)) uses.set(name, (uses.get(name) ?? 0) + 1)
  const names = [...uses.keys()].sort((a, b) => (uses.get(b) ?? 0) - (uses.get(a) ?? 0))
  return source.replaceAll(PRIVATE, name => `#p${names.indexOf(name)}`)
}

add('index.js', true)
const whole = `${[...texts.values()].join('\n')}\nexport { ${exported.join(', ')} }`
const { code } = await minify(whole, {
  module: true,
  ecma: 2020,
  compress: { passes: 2 },
  format: { comments: false }
})
if (code === undefined) throw new Error('the minifier gave nothing')
writeFileSync(join(DIST, BUNDLE), `${code}\n`)
