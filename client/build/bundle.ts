import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { minify } from 'terser'

/**
 * Puts the built modules of `dist` into one minified module, for pages without a build of their own. The modules import only each
 * other, each by the names that it exports, and no two have a name in common: the minifier refuses a second declaration.
 */
const DIST = join(import.meta.dirname, '../dist')
const BUNDLE = 'quotecast-client.min.js'
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
  texts.set(file, source.replaceAll(IMPORT, '').replaceAll(/^export (?=\w)/gm, ''))
}

add('index.js', true)
const whole = `${[...texts.values()].join('\n')}\nexport { ${exported.join(', ')} }`
const { code } = await minify(whole, { module: true, ecma: 2020, compress: { passes: 2 }, format: { comments: false } })
if (code === undefined) throw new Error('the minifier gave nothing')
writeFileSync(join(DIST, BUNDLE), `${code}\n`)
