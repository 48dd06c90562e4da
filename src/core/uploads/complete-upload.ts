/**
 * The end of an upload: its draft becomes the video's source, then one transaction tells everybody. The draft is
 * published before the transaction (blob before row), so a crash in between leaves a published source and an upload
 * whose offset equals its length; `finishUpload` begins wherever such a crash has left it.
 */

import { sourceBlob } from '../blob-names.ts'
import { PRIORITY } from '../../jobs/job.ts'
import { isFailure } from '../../lib/failure.ts'
import type { BlobFacts, BlobName, Draft } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import { moveVideo, recordBlob, type Video, type VideoChanges } from '../videos/index.ts'
import { DAY_US, noSuchUpload, type Upload, type UploadDeps } from './upload.ts'
import { markComplete } from './upload-records.ts'

/** Bytes of a source that are all on stable storage, in a draft or (after a crash) published already. */
export type WholeSource = {
  readonly videoUid: string
  readonly lengthBytes: number
  readonly draftId: string | null
  /** Block checksums of all of it. */
  readonly checksums: Uint8Array
}

/**
 * Publishes the source and queues the video; a partial upload keeps its draft, from which others are made. To be called
 * by the holder of the upload's lock, when its committed offset is its length. `draft` is the open draft if the caller
 * has it; it is used up. Throws `not_found` when the video was deleted meanwhile.
 */
export async function finishUpload(deps: UploadDeps, upload: Upload, draft?: Draft): Promise<Upload> {
  const { videoUid } = upload
  if (videoUid === null) return finishPartial(deps, upload, draft)
  const finished: Upload = {
    ...upload,
    state: 'complete',
    draftId: null,
    // The address goes on answering HEAD for a day (uploads.md §2.4), and never ends sooner than its client was told.
    expiresUs: Math.max(upload.expiresUs, deps.clock.nowUs() + DAY_US),
  }
  await completeSource(
    deps,
    { ...upload, videoUid },
    {
      draft,
      end: async (trx) => {
        if (!(await markComplete(trx, upload.id, finished))) throw noSuchUpload()
      },
    },
  )
  return finished
}

/**
 * Publishes a source, then in one transaction: `end` forgets how it came, the video is queued (with `changes`), its ingest
 * enqueued. For the only one who works on this source. `draft` is the open draft if the caller has it; it is used up.
 * `end` throws `not_found` when the video was deleted meanwhile, and so does this.
 */
export async function completeSource(
  deps: Pick<UploadDeps, 'db' | 'blobs' | 'clock' | 'jobs'>,
  whole: WholeSource,
  options: { draft?: Draft; changes?: VideoChanges; end: (trx: Trx) => Promise<void> },
): Promise<void> {
  const source = await publishSource(deps, whole, options.draft)
  try {
    await deps.db.transaction().execute(async (trx) => {
      await options.end(trx)
      await takeSource(deps, trx, whole.videoUid, source, options.changes)
    })
  } catch (error) {
    // Deleted while its last bytes came: nobody else knows of the blob.
    if (isFailure(error, 'not_found')) await deps.blobs.delete(source.name)
    throw error
  }
}

async function finishPartial(deps: UploadDeps, upload: Upload, draft?: Draft): Promise<Upload> {
  await draft?.close()
  // Its day is not prolonged: it is deleted 24 h after its creation (uploads.md §3.6).
  if (!(await markComplete(deps.db, upload.id, upload))) throw noSuchUpload()
  return { ...upload, state: 'complete' }
}

/** Hands a published source to its video, inside the transaction that ends the upload: row, state (and `changes`), job. */
export async function takeSource(
  deps: Pick<UploadDeps, 'clock' | 'jobs'>,
  trx: Trx,
  uid: string,
  source: BlobFacts,
  changes: VideoChanges = {},
): Promise<Video> {
  const video = await moveVideo(trx, deps, uid, 'queued', {
    ...changes,
    sizeBytes: source.sizeBytes,
  })
  await ingestSourceOf(deps, trx, uid, source)
  return video
}

/** Records the published source of a queued video and has it ingested. */
export async function ingestSourceOf(
  deps: Pick<UploadDeps, 'clock' | 'jobs'>,
  trx: Trx,
  uid: string,
  source: BlobFacts,
): Promise<void> {
  await recordBlob(trx, deps.clock, uid, source)
  await deps.jobs.enqueue(trx, {
    kind: 'ingest',
    dedupe: `ingest/${uid}`,
    payload: { uid },
    videoUid: uid,
    priority: PRIORITY.first,
  })
}

/** Makes the draft the video's source, wherever a crash has left it. `open` is the open draft if the caller has it. */
export async function publishSource(
  deps: Pick<UploadDeps, 'blobs'>,
  whole: WholeSource,
  open?: Draft,
): Promise<BlobFacts> {
  return await publishWhole(deps, sourceBlob(whole.videoUid), whole, open)
}

/** Publishes a whole draft under `name`, wherever a crash has left it. `open` is the open draft if the caller has it. */
export async function publishWhole(
  deps: Pick<UploadDeps, 'blobs'>,
  name: BlobName,
  whole: Omit<WholeSource, 'videoUid'>,
  open?: Draft,
): Promise<BlobFacts> {
  if (open) return open.publish(name)
  if (whole.lengthBytes === 0 && whole.draftId === null) {
    const empty = await deps.blobs.createDraft()
    return empty.publish(name)
  }
  const published = await findPublished(deps, name, whole)
  if (published) return published
  const draft = await deps.blobs.resumeDraft(whole.draftId ?? '', {
    lengthBytes: whole.lengthBytes,
    checksums: whole.checksums,
  })
  return draft.publish(name)
}

/** The source that a crash between publishing and the transaction has left, if there is one. */
async function findPublished(
  deps: Pick<UploadDeps, 'blobs'>,
  name: BlobName,
  whole: Pick<WholeSource, 'lengthBytes' | 'checksums'>,
): Promise<BlobFacts | undefined> {
  try {
    const reader = await deps.blobs.open(name)
    const { sizeBytes } = reader
    await reader.close()
    return sizeBytes === whole.lengthBytes ? { name, sizeBytes, checksums: whole.checksums } : undefined
  } catch (error) {
    if (isFailure(error, 'not_found')) return undefined
    throw error
  }
}
