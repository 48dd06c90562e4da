/** A basic form upload: one file, at most 200 MB, whose video exists once all of it is here (uploads.md §4). */

import type { BlobFacts } from '../../ports.ts'
import { sourceBlob } from '../blob-names.ts'
import { blankVideo, insertVideo, nextCreatedUs, type Video } from '../videos/index.ts'
import { checkRoomOnDisk, checkUploadLimits } from './check-limits.ts'
import { takeSource } from './complete-upload.ts'
import { checkFormLength, type FormFile, receiveFile } from './form-file.ts'
import type { UploadDeps } from './upload.ts'

/**
 * What can be refused before the body is read. `announcedBytes` is the request's `Content-Length`, if it has one.
 * Throws `payload_too_large`, `too_many_videos`, `storage_exhausted`, `disk_full`.
 */
export async function checkFormUpload(
  deps: UploadDeps,
  request: { accountId: string; announcedBytes: number | undefined },
): Promise<void> {
  const { announcedBytes } = request
  checkFormLength(announcedBytes)
  await checkUploadLimits(deps, deps.db, { accountId: request.accountId, reserveSeconds: 0 })
  await checkRoomOnDisk(deps, announcedBytes ?? 0)
}

/**
 * Takes the file and answers its video, queued. Until the last byte nothing but a draft exists, and a refusal removes
 * that too. Throws `form_not_media` as soon as the first bytes show it, `payload_too_large`, `bad_request` (empty, or
 * broken off), `disk_full`, and what the limits throw.
 */
export async function acceptForm(
  deps: UploadDeps,
  request: { accountId: string; file: FormFile },
): Promise<Video> {
  const draft = await deps.blobs.createDraft({ streamed: true })
  let published = false
  try {
    await receiveFile(draft, request.file.body)
    const uid = deps.clock.newUid()
    const source = await draft.publish(sourceBlob(uid))
    published = true
    return await insertQueued(deps, { ...request, uid, source })
  } finally {
    if (!published) await draft.discard()
  }
}

async function insertQueued(
  deps: UploadDeps,
  request: { accountId: string; file: FormFile; uid: string; source: BlobFacts },
): Promise<Video> {
  const { accountId, file, uid, source } = request
  try {
    return await deps.db.transaction().execute(async (trx) => {
      await checkUploadLimits(deps, trx, { accountId, reserveSeconds: 0 })
      const createdUs = await nextCreatedUs(trx, deps.clock, accountId)
      await insertVideo(trx, {
        ...blankVideo({ uid, accountId, createdUs }),
        meta: file.name === null ? {} : { name: file.name },
      })
      return takeSource(deps, trx, uid, source)
    })
  } catch (error) {
    await deps.blobs.delete(source.name)
    throw error
  }
}
