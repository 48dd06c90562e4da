/**
 * Deletes a video: its rows in one transaction, then its blobs. A crash in between leaves blobs and drafts that no row
 * names; the sweep removes them.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Jobs } from '../../jobs/job.ts'
import type { BlobName, Blobs, Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { blobPrefixes } from '../blob-names.ts'
import { imagesInUse } from '../watermarks/index.ts'
import { countChange } from './storage-counters.ts'
import { blobsInUse, releaseBlobs } from './shared-blobs.ts'
import type { Video } from './video.ts'
import { requireVideo } from './video-records.ts'

export type DeleteDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
}

/**
 * Removes the video, what was made from it (but for what its clips share), its unfinished jobs and its running upload or download (api.md §4.5). Throws `not_found`,
 * and `video_is_live` while a broadcast is running.
 */
export async function deleteVideo(deps: DeleteDeps, accountId: string, uid: string): Promise<void> {
  const left = await deps.db.transaction().execute(async (trx) => {
    const video = await requireVideo(trx, uid, accountId)
    if (video.state === 'live-inprogress') {
      throw new HeadwaterError('video_is_live', `Video ${uid} is being broadcast; end the broadcast first.`, {
        facts: { uid },
      })
    }
    const names = await trx.selectFrom('blobs').select('name').where('video_uid', '=', uid).execute()
    const drafts = [...(await endUpload(trx, uid)), ...(await endCopies(trx, uid))]
    await deps.jobs.drop(trx, uid)
    // First what names blobs, so that the blobs a clip shares find their new owner.
    for (const table of ['plans', 'renditions', 'chunks'] as const) {
      await trx.deleteFrom(table).where('video_uid', '=', uid).execute()
    }
    const unused = await releaseBlobs(
      trx,
      names.map(({ name }) => name),
    )
    // Events, captions, downloads and so on go with it, by their foreign keys.
    await trx.deleteFrom('videos').where('uid', '=', uid).execute()
    await countChange(trx, video, null)
    return { unused: [...unused, ...(await unusedImage(trx, video))], drafts }
  })
  for (const id of left.drafts) await deps.blobs.discardDraft(id)
  for (const name of left.unused) await deps.blobs.delete(name)
  // What a job published a moment ago has no row yet.
  for (const prefix of blobPrefixes(uid).filter((prefix) => prefix.endsWith('/'))) {
    await deleteUnnamed(deps, prefix)
  }
}

/** The image of the video's watermark, where it was the last to have it and its profile is gone. */
async function unusedImage(trx: Trx, { watermark }: Video): Promise<readonly BlobName[]> {
  if (watermark === null) return []
  const inUse = await imagesInUse(trx, [watermark.imageBlob])
  return inUse.length === 0 ? [watermark.imageBlob] : []
}

/** Deletes the blobs under `prefix` that no row names; others are shared with a clip. */
async function deleteUnnamed({ db, blobs }: DeleteDeps, prefix: string): Promise<void> {
  const found: string[] = []
  for await (const { name } of blobs.list(prefix)) found.push(name)
  const inUse = await blobsInUse(db, found)
  for (const name of found) if (!inUse.has(name)) await blobs.delete(name)
}

/**
 * Forgets the video's upload, so that its address answers 404 (uploads.md §2.5); answers its drafts. One that its sender
 * ended goes on saying so.
 */
async function endUpload(trx: Trx, uid: string): Promise<readonly string[]> {
  const uploads = await trx
    .deleteFrom('uploads')
    .where('video_uid', '=', uid)
    .where('state', '!=', 'terminated')
    .returning('draft_id')
    .execute()
  // Goes with its video by its foreign key.
  const concatenations = await trx
    .selectFrom('concatenations')
    .select('draft_id')
    .where('video_uid', '=', uid)
    .execute()
  return [...uploads, ...concatenations].flatMap((row) => row.draft_id ?? [])
}

/** Forgets the downloads of the video and of its audio tracks, whose jobs notice it at their next commit; answers their drafts. */
async function endCopies(trx: Trx, uid: string): Promise<readonly string[]> {
  const rows = await trx.deleteFrom('copies').where('video_uid', '=', uid).returning('draft_id').execute()
  const tracks = await trx
    .deleteFrom('audio_copies')
    .where('track_uid', 'in', (query) =>
      query.selectFrom('audio_tracks').select('uid').where('video_uid', '=', uid),
    )
    .returning('draft_id')
    .execute()
  return [...rows, ...tracks].flatMap((row) => row.draft_id ?? [])
}
