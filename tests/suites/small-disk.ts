/** A file system of a few megabytes, to fill it up. */

import { execFileSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { tempFolder } from './temp-folder.ts'

export type SmallDisk = { readonly path: string; readonly remove: () => Promise<void> }

/** Mounts one of `megabytes`; `undefined`, said aloud, where that is not allowed, which only root is. */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk | undefined> {
  const folder = await tempFolder()
  const path = join(folder.path, 'disk')
  await mkdir(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    await folder.remove()
    console.warn('SKIPPED: a full disk is not tested here, since mounting a small one needs root')
    return undefined
  }
  return {
    path,
    async remove() {
      execFileSync('umount', [path])
      await folder.remove()
    },
  }
}
