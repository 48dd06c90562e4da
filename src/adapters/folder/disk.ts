/** What files and folders need on every use: reads that fill, folders that are synced, errors in our words. */

import { type FileHandle, mkdir, open, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HeadwaterError } from '../../lib/failure.ts'

/** Whether `error` is a system error with one of these codes. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** `disk_full` for a full disk or quota; everything else as it is. */
export function inOurWords(error: unknown): unknown {
  if (!isSystemError(error, 'ENOSPC', 'EDQUOT')) return error
  return new HeadwaterError('disk_full', 'The disk that holds the videos is full; free some space.', {
    cause: error,
  })
}

/** Fills `target` from `position`; answers fewer bytes than asked only at the end of the file. */
export async function readFully(handle: FileHandle, target: Uint8Array, position: number): Promise<number> {
  let filled = 0
  while (filled < target.byteLength) {
    const { bytesRead } = await handle.read(target, filled, target.byteLength - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

/** Puts the names in `folder` on stable storage. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Makes `folder` and its missing parents, each on stable storage. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made))
}

/** Removes `folder` and its parents below `root` as far as they are empty. */
export async function removeEmptyFolders(folder: string, root: string): Promise<void> {
  for (let empty = folder; empty.length > root.length; empty = dirname(empty)) {
    try {
      await rmdir(empty)
    } catch (error) {
      if (isSystemError(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT', 'EBUSY')) return
      throw error
    }
  }
}
