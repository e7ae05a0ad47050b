import { execFileSync } from 'node:child_process'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cleanUp, type Scope } from './clean-up.ts'

const MIB = 1024 ** 2

/** A folder whose disk can be filled. */
export interface SmallDisk {
  /** Leaves no room. */
  fill(): Promise<void>
  /** Gives back what `fill` took. */
  free(): Promise<void>
}

/** Puts a disk of its own into a folder, until the scope ends. @returns undefined where that is not allowed: it takes root on Linux. */
export function mountSmallDisk(t: Scope, folder: string, mib: number): SmallDisk | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch {
    return undefined
  }
  cleanUp(t, () => execFileSync('umount', ['--lazy', folder]))
  const filler = join(folder, 'filler')
  return {
    async fill() {
      const file = await open(filler, 'w')
      try {
        for (let n = 0; n < mib; n++) await file.writeFile(Buffer.alloc(MIB))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        await file.close()
      }
    },
    free: () => rm(filler)
  }
}
