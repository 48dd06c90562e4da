/**
 * The end of an upload: its draft becomes the video's source, then one transaction tells everybody. The draft is
 * published before the transaction (blob before row), so a crash in between leaves a published source and an upload
 * whose offset equals its length; `finishUpload` begins wherever such a crash has left it.
 */

import { sourceBlob } from '../blob-names.ts'
import { PRIORITY } from '../../jobs/job.ts'
import { isFailure } from '../../lib/failure.ts'
import type { BlobFacts, Draft } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import { moveVideo, recordBlob, type Video } from '../videos/index.ts'
import { DAY_US, noSuchUpload, type Upload, type UploadDeps } from './upload.ts'
import { markComplete } from './upload-records.ts'

/**
 * Publishes the source and queues the video. To be called by the holder of the upload's lock, when its committed offset
 * is its length. `draft` is the open draft if the caller has it; it is used up. Throws `not_found` when the video was
 * deleted meanwhile.
 */
export async function finishUpload(deps: UploadDeps, upload: Upload, draft?: Draft): Promise<Upload> {
  const source = await publishSource(deps, upload, draft)
  const finished: Upload = {
    ...upload,
    state: 'complete',
    draftId: null,
    // The address goes on answering HEAD for a day (uploads.md §2.4).
    expiresUs: deps.clock.nowUs() + DAY_US,
  }
  try {
    await deps.db.transaction().execute(async (trx) => {
      if (!(await markComplete(trx, upload.id, finished.expiresUs))) throw noSuchUpload()
      await takeSource(deps, trx, upload.videoUid, source)
    })
  } catch (error) {
    // Deleted while its last bytes came: nobody else knows of the blob.
    if (isFailure(error, 'not_found')) await deps.blobs.delete(source.name)
    throw error
  }
  return finished
}

/** Hands a published source to its video, inside the transaction that ends the upload: row, state, job. */
export async function takeSource(
  deps: Pick<UploadDeps, 'clock' | 'jobs'>,
  trx: Trx,
  uid: string,
  source: BlobFacts,
): Promise<Video> {
  await recordBlob(trx, deps.clock, uid, source)
  const video = await moveVideo(trx, deps.clock, uid, 'queued', { sizeBytes: source.sizeBytes })
  await deps.jobs.enqueue(trx, {
    kind: 'ingest',
    dedupe: `ingest/${uid}`,
    payload: { uid },
    videoUid: uid,
    priority: PRIORITY.first,
  })
  return video
}

async function publishSource(
  deps: Pick<UploadDeps, 'blobs'>,
  upload: Upload,
  open?: Draft,
): Promise<BlobFacts> {
  const name = sourceBlob(upload.videoUid)
  if (open) return open.publish(name)
  if (upload.lengthBytes === 0 && upload.draftId === null) {
    const empty = await deps.blobs.createDraft()
    return empty.publish(name)
  }
  const published = await findPublished(deps, name, upload)
  if (published) return published
  const draft = await deps.blobs.resumeDraft(upload.draftId ?? '', {
    lengthBytes: upload.lengthBytes,
    checksums: upload.checksums,
  })
  return draft.publish(name)
}

/** The source that a crash between publishing and the transaction has left, if there is one. */
async function findPublished(
  deps: Pick<UploadDeps, 'blobs'>,
  name: string,
  upload: Upload,
): Promise<BlobFacts | undefined> {
  try {
    const reader = await deps.blobs.open(name)
    const { sizeBytes } = reader
    await reader.close()
    return sizeBytes === upload.lengthBytes ? { name, sizeBytes, checksums: upload.checksums } : undefined
  } catch (error) {
    if (isFailure(error, 'not_found')) return undefined
    throw error
  }
}
