import { execFile } from 'node:child_process'

/** Where Debian keeps servers; not on the PATH of ordinary users. */
const SYSTEM_FOLDERS = ['/usr/sbin/', '/usr/local/sbin/']

/** The command that starts a binary. @throws Error that names the Debian package when it is not installed. */
export async function findBinary(name: string, debianPackage: string): Promise<string> {
  for (const folder of ['', ...SYSTEM_FOLDERS]) {
    if (await runs(folder + name)) return folder + name
  }
  throw new Error(`expected ${name} to be installed, found none; on Debian: apt-get install ${debianPackage}`)
}

/** Whether the system finds and starts it; what it answers does not matter. */
function runs(command: string): Promise<boolean> {
  return new Promise(resolve => {
    execFile(command, ['--help'], error => resolve(error === null || typeof error.code === 'number'))
  })
}
