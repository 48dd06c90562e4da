/**
 * The disk of the data folder: a tmpfs of its own, which is filled by making it smaller and freed by making it large
 * again. A mount needs root; without, the folder lies where it lies and never fills up. It outlives the driver, so that an
 * interrupted run finds its data again.
 */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdir, statfs } from 'node:fs/promises'

const SIZE_BYTES = 3 * 2 ** 30
/** What a full disk still takes. */
const LEFT_BYTES = 2 ** 16

/** Whether this process may mount. */
export const canMount = process.getuid?.() === 0

/** A disk at `path`, mounted now or by an earlier run. */
export async function openDisk(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  if (canMount && !isMounted(path)) {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_BYTES},mode=0700`, 'tmpfs', path])
  }
}

/** Takes it away with everything on it, if it is there. */
export function removeDisk(path: string): void {
  if (isMounted(path)) execFileSync('umount', ['--lazy', path])
}

/** From now on next to nothing more has room; answers whether that is so. */
export async function fillDisk(path: string): Promise<boolean> {
  if (!canMount) return false
  const { blocks, bfree, bsize } = await statfs(path)
  try {
    resize(path, (blocks - bfree) * bsize + LEFT_BYTES)
    return true
  } catch {
    // Between the two calls more was written than was to be left.
    return false
  }
}

/** There is room again. */
export function freeDisk(path: string): void {
  if (canMount) resize(path, SIZE_BYTES)
}

function resize(path: string, sizeBytes: number): void {
  execFileSync('mount', ['-o', `remount,size=${sizeBytes}`, path], { stdio: 'pipe' })
}

function isMounted(path: string): boolean {
  return readFileSync('/proc/mounts', 'utf8').includes(` ${path} tmpfs `)
}
