/** Bytes of uploads that nobody can go on with any more: expired, ended, or parts whose day is over (uploads.md §2.5, §3.6). */

import { holdUploadNow } from './hold-upload.ts'
import type { UploadDeps } from './upload.ts'
import { listSpent, takeDraft } from './upload-records.ts'

/**
 * Gives their room back; their addresses go on answering 410 for a day. One that a request is still sending to is left
 * for later: a chunk that began in time is taken whole. To be called every minute or so; answers how many there were.
 */
export async function sweepUploads(deps: UploadDeps): Promise<number> {
  let swept = 0
  for (const id of await listSpent(deps.db, deps.clock.nowUs())) {
    const hold = await holdUploadNow(deps, id)
    if (hold === undefined) continue
    try {
      const spent = await listSpent(deps.db, deps.clock.nowUs(), id)
      const draftId = spent.length > 0 ? await takeDraft(deps.db, id) : null
      if (draftId === null) continue
      await deps.blobs.discardDraft(draftId)
      swept += 1
    } finally {
      hold.release()
    }
  }
  return swept
}
