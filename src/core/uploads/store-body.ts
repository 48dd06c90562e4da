/** Bytes from a request body into a draft. */

import { countBytes } from '../../lib/count-bytes.ts'
import { isFailure } from '../../lib/failure.ts'
import type { Draft } from '../../ports.ts'
import type { UploadBody } from './upload.ts'

/** What came of a body. */
export type StoredBody = {
  /** Bytes appended to the draft. */
  readonly bytes: number
  /** `more`: it had more bytes than there was room for; `disk_full`: the disk had not enough for it. */
  readonly ending: 'complete' | 'broken' | 'more' | 'disk_full'
  /** What `disk_full` was thrown with. */
  readonly failure?: unknown
}

/**
 * Appends at most `roomBytes` of `body` to `draft`; nothing is synced yet. `look` is shown the first batch (the whole body
 * or 64 KiB and more) before it is written and may throw. Throws what the draft throws, save `disk_full`.
 */
export async function storeBody(
  draft: Draft,
  body: UploadBody,
  roomBytes: number,
  look: (first: readonly Uint8Array[]) => void = () => undefined,
): Promise<StoredBody> {
  const startBytes = draft.lengthBytes
  let takenBytes = 0
  let fits = true
  try {
    while (fits) {
      const batch = await body.next()
      if (batch === undefined) break
      if (takenBytes === 0) look(batch)
      const fitting = takeUpTo(batch, roomBytes - takenBytes)
      await draft.append(fitting)
      takenBytes += countBytes(fitting)
      fits = fitting === batch
      body.release(batch)
    }
    await draft.flush()
  } catch (failure) {
    if (!isFailure(failure, 'disk_full')) throw failure
    return { bytes: draft.lengthBytes - startBytes, ending: 'disk_full', failure }
  }
  if (!fits) return { bytes: takenBytes, ending: 'more' }
  return { bytes: takenBytes, ending: body.state === 'complete' ? 'complete' : 'broken' }
}

/** The batch itself when it fits, else its first `roomBytes` bytes. */
function takeUpTo(batch: readonly Uint8Array[], roomBytes: number): readonly Uint8Array[] {
  if (countBytes(batch) <= roomBytes) return batch
  const fitting: Uint8Array[] = []
  let leftBytes = roomBytes
  for (const buffer of batch) {
    if (leftBytes <= 0) break
    fitting.push(buffer.subarray(0, leftBytes))
    leftBytes -= buffer.length
  }
  return fitting
}
