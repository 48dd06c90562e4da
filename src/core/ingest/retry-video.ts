/**
 * Tries a failed video once more (our own call): for when the fault was not the file's, such as a full disk, a decoder
 * that has been replaced since, or a limit that has been raised. It begins anew with the source as it was received; what
 * the failed try has made is thrown away.
 */

import { type Jobs, PRIORITY } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { sourceBlob } from '../blob-names.ts'
import { CLIP_KIND } from '../clips/index.ts'
import { dropRendition } from '../encoding/index.ts'
import { deletePlan } from '../timeline/index.ts'
import { checkUploadLimits, type UploadLimits } from '../uploads/index.ts'
import { releaseBlobs, requeueVideo, requireVideo, type Video } from '../videos/index.ts'

export type RetryDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly limits: UploadLimits
}

/**
 * Queues a failed video again; its outcome is told to webhooks like a first one. Throws `not_found`, `conflict` when it
 * has not failed or its file is not stored, and what a new upload would: `too_many_videos`, `storage_exhausted`.
 */
export async function retryVideo(deps: RetryDeps, accountId: string, uid: string): Promise<Video> {
  const unused: string[] = []
  const queued = await deps.db.transaction().execute(async (trx) => {
    const video = await requireVideo(trx, uid, accountId)
    if (video.state !== 'error') {
      throw new HeadwaterError(
        'conflict',
        `Only a failed video can be retried; this one is ${video.state}.`,
        {
          facts: { uid, state: video.state },
        },
      )
    }
    const job = await findBeginning(deps, trx, video)
    const reserveSeconds = video.durationSeconds ?? video.maxDurationSeconds ?? 0
    await checkUploadLimits(deps, trx, { accountId, reserveSeconds })
    unused.push(...(await forgetTry(deps, trx, uid)))
    const again = await requeueVideo(trx, deps.clock, video)
    const { kind, payload } = job
    const dedupe = `${kind}/${uid}`
    await deps.jobs.enqueue(trx, { kind, dedupe, payload, videoUid: uid, priority: PRIORITY.first })
    return again
  })
  for (const name of unused) await deps.blobs.delete(name)
  return queued
}

/** The job a video begins with. Throws `conflict` where nothing is left to begin with. */
async function findBeginning(
  { jobs }: RetryDeps,
  trx: Trx,
  { uid, clippedFrom }: Video,
): Promise<{ kind: string; payload: unknown }> {
  if (clippedFrom !== null) {
    const payload = await jobs.payloadOf(trx, CLIP_KIND, uid)
    if (payload !== undefined) return { kind: CLIP_KIND, payload }
    throw new HeadwaterError('conflict', 'This clip failed too long ago to be tried again; cut it anew.', {
      facts: { uid },
    })
  }
  const source = await trx
    .selectFrom('blobs')
    .select('name')
    .where('name', '=', sourceBlob(uid))
    .executeTakeFirst()
  if (source !== undefined) return { kind: 'ingest', payload: { uid } }
  throw new HeadwaterError(
    'conflict',
    'The file of this video is not stored, so there is nothing to try again with; upload it anew.',
    { facts: { uid } },
  )
}

/** Ends what the failed try still has in the queue and removes what it recorded; answers blobs that nobody names any more. */
async function forgetTry(deps: RetryDeps, trx: Trx, uid: string): Promise<string[]> {
  await deps.jobs.drop(trx, uid)
  const rows = await trx
    .selectFrom('renditions')
    .select('rendition')
    .where('video_uid', '=', uid)
    .union(trx.selectFrom('chunks').select('rendition').where('video_uid', '=', uid))
    .execute()
  const unused: string[] = []
  for (const { rendition } of rows) unused.push(...(await dropRendition(trx, uid, rendition)))
  const made = (await deletePlan(trx, uid)).filter((name) => name !== sourceBlob(uid))
  return [...unused, ...(await releaseBlobs(trx, made))]
}
