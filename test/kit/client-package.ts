import { execFile } from 'node:child_process'
import { cp, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

export const CLIENT_SOURCE = join(ROOT, 'client')
/** The one module for pages without a build of their own. */
export const CLIENT_BUNDLE = 'quotecast-client.min.js'

/** Builds and packs the client in a copy of the tree within `place`, as `npm publish` would. No network. @returns the tarball. */
export async function packClient(place: string): Promise<string> {
  const tree = join(place, 'tree')
  const folder = join(tree, 'client')
  await cp(CLIENT_SOURCE, folder, { recursive: true, filter: path => basename(path) !== 'dist' })
  await cp(join(ROOT, 'tsconfig.json'), join(tree, 'tsconfig.json'))
  await symlink(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  const args = ['pack', folder, '--offline', '--silent', '--ignore-scripts=false', '--pack-destination', place]
  const { stdout } = await run('npm', args, { cwd: tree })
  return join(place, stdout.trim())
}

/** The text of the bundle in a tarball of the client. */
export async function bundleOf(tarball: string): Promise<string> {
  const { stdout } = await run('tar', ['-xzOf', tarball, `package/dist/${CLIENT_BUNDLE}`])
  return stdout
}
