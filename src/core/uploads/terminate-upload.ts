/** tus termination (uploads.md §3.7): ends an upload for its sender. */

import { deleteVideo } from '../videos/index.ts'
import { takeUpload } from './find-upload.ts'
import type { Upload, UploadAddress, UploadDeps } from './upload.ts'
import { deleteUpload, markTerminated, takeDraft } from './upload-records.ts'

/**
 * Ends an upload. Unfinished, its video goes with it and its reservation is free; finished, only the address dies: an
 * end user must not be able to delete a video that the customer has already. A partial upload goes with its bytes, as
 * soon as no concatenation needs them. Later requests get `upload_expired`.
 * Throws `not_found`, `upload_expired`, `upload_locked`.
 */
export async function terminateUpload(
  deps: UploadDeps,
  address: UploadAddress,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const { upload, hold } = await takeUpload(deps, address, options)
  try {
    // First the address, then the rest: after a crash in between the sweep removes bytes and, in time, video.
    await markTerminated(deps.db, address.id)
    if (upload.state === 'receiving' || upload.videoUid === null) await dropBytes(deps, upload)
  } finally {
    hold.release()
  }
}

/** Removes an upload of which nobody knows the address, with its video and bytes. */
export async function dropUpload(deps: UploadDeps, upload: Upload): Promise<void> {
  await dropBytes(deps, upload)
  await deleteUpload(deps.db, upload.id)
}

async function dropBytes(deps: UploadDeps, upload: Upload): Promise<void> {
  const draftId = await takeDraft(deps.db, upload.id)
  if (draftId !== null) await deps.blobs.discardDraft(draftId)
  if (upload.videoUid !== null) await deleteVideo(deps, upload.accountId, upload.videoUid)
}
