/** How far a copy is, for whoever watches it. */

import type { Db } from '../../tables.ts'
import { getCopy } from './copy-records.ts'

export type CopyProgress = {
  /** Bytes on stable storage. */
  readonly receivedBytes: number
  /** null until the origin says it. */
  readonly lengthBytes: number | null
}

/** The progress of the video's copy; `undefined` when none is running. */
export async function copyProgress(db: Db, uid: string): Promise<CopyProgress | undefined> {
  const copy = await getCopy(db, uid)
  return copy && { receivedBytes: copy.offsetBytes, lengthBytes: copy.lengthBytes }
}
