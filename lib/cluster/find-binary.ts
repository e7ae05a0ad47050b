import { execFile } from 'node:child_process'

/** Where Debian keeps servers; not on the PATH of ordinary users. */
const SYSTEM_FOLDERS = ['/usr/sbin/', '/usr/local/sbin/']

/** The path of an executable. @throws Error that names the Debian package when it is not installed. */
export async function findBinary(name: string, debianPackage: string): Promise<string> {
  for (const folder of ['', ...SYSTEM_FOLDERS]) {
    const path = await resolvePath(folder + name)
    if (path !== undefined) return path
  }
  throw new Error(`expected ${name} to be installed, found none; on Debian: apt-get install ${debianPackage}`)
}

/** What the shell would run, or undefined. */
function resolvePath(command: string): Promise<string | undefined> {
  return new Promise(resolve => {
    execFile('/bin/sh', ['-c', 'command -v "$0"', command], (error, stdout) => {
      resolve(error === null ? stdout.trim() : undefined)
    })
  })
}
