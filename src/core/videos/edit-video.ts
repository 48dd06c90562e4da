/** Changes the fields a customer may change (api.md §4.4): field by field, the later wins; players see it at once. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { checkAllowedOrigins } from '../access/index.ts'
import { checkStorage } from './storage-usage.ts'
import type { JsonObject, PublicDetails, Video } from './video.ts'
import { insertEvent } from './video-events.ts'
import {
  checkCreator,
  checkMaxDurationSeconds,
  checkMeta,
  checkScheduledDeletion,
  checkThumbnailTimestampPct,
  checkUploadExpiry,
  mergePublicDetails,
} from './video-fields.ts'
import { requireVideo, updateVideo } from './video-records.ts'

/** What may be said of a video when it is made, and later. */
export type VideoFields = {
  readonly creator?: string | null
  readonly meta?: JsonObject
  readonly allowedOrigins?: readonly string[]
  readonly requireSignedUrls?: boolean
  readonly thumbnailTimestampPct?: number
  /** null = never. */
  readonly scheduledDeletionUs?: number | null
}

/** What to change; absent = unchanged. */
export type VideoEdit = VideoFields & {
  /** Only while the upload is pending. */
  readonly maxDurationSeconds?: number
  /** Only while the upload is pending; the upload itself lives as long. */
  readonly uploadExpiryUs?: number
  /** Given members are replaced, null clears one. */
  readonly publicDetails?: PublicDetails
}

export type EditDeps = {
  readonly db: Db
  readonly clock: Clock
  /** Allocation of the account in minutes; null or 0 = unlimited. */
  readonly storageMinutes: number | null
}

/**
 * Applies `edit` and answers the video as it is then. Throws `not_found`, `bad_request`,
 * `scheduled_deletion_out_of_range`, `conflict` for what may only change while the upload is pending, or
 * `storage_exhausted` when a pending upload is to be allowed more than is left.
 */
export async function editVideo(
  deps: EditDeps,
  accountId: string,
  uid: string,
  edit: VideoEdit,
): Promise<Video> {
  const { db, clock, storageMinutes } = deps
  return db.transaction().execute(async (trx) => {
    const video = await requireVideo(trx, uid, accountId)
    const changes = checkEdit(video, edit, clock.nowUs())
    const fields = Object.keys(changes)
    if (fields.length === 0) return video
    if (changes.uploadExpiryUs !== undefined) await moveUploadExpiry(trx, uid, changes.uploadExpiryUs ?? 0)
    await insertEvent(trx, video, { kind: 'edited', detail: { fields }, atUs: clock.nowUs() })
    const changed = await updateVideo(trx, clock, video, changes)
    // A larger promise must fit, as if it had been asked for at the creation (uploads.md §8).
    if ((changed.maxDurationSeconds ?? 0) > (video.maxDurationSeconds ?? 0)) {
      await checkStorage(trx, { accountId, nowUs: clock.nowUs(), storageMinutes, addSeconds: 0 })
    }
    return changed
  })
}

/** The changes as they are stored, every rule checked. */
export function checkEdit(video: Video, edit: VideoEdit, nowUs: number): Partial<Video> {
  checkPending(video, edit)
  const { creator, meta, allowedOrigins, thumbnailTimestampPct, scheduledDeletionUs } = edit
  const changes: Partial<Video> = {
    creator: creator === undefined ? undefined : checkCreator(creator),
    meta: meta && checkMeta(meta),
    allowedOrigins: allowedOrigins && checkAllowedOrigins(allowedOrigins),
    requireSignedUrls: edit.requireSignedUrls,
    thumbnailTimestampPct:
      thumbnailTimestampPct === undefined ? undefined : checkThumbnailTimestampPct(thumbnailTimestampPct),
    scheduledDeletionUs:
      scheduledDeletionUs === undefined
        ? undefined
        : checkScheduledDeletion(scheduledDeletionUs, video.createdUs),
    maxDurationSeconds:
      edit.maxDurationSeconds === undefined ? undefined : checkMaxDurationSeconds(edit.maxDurationSeconds),
    uploadExpiryUs:
      edit.uploadExpiryUs === undefined ? undefined : checkUploadExpiry(edit.uploadExpiryUs, nowUs),
    publicDetails: edit.publicDetails && mergePublicDetails(video.publicDetails, edit.publicDetails),
  }
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
}

function checkPending(video: Video, edit: VideoEdit): void {
  const field =
    edit.maxDurationSeconds !== undefined
      ? 'maxDurationSeconds'
      : edit.uploadExpiryUs !== undefined
        ? 'uploadExpiry'
        : undefined
  if (field === undefined || video.state === 'pendingupload') return
  throw new HeadwaterError(
    'conflict',
    `${field} can only be changed while the video is pendingupload; it is ${video.state}.`,
    { facts: { field, state: video.state } },
  )
}

/** The upload's row belongs to `core/uploads`, which imports this folder; only here and in the deletion it is touched. */
async function moveUploadExpiry(trx: Trx, uid: string, expiresUs: number): Promise<void> {
  await trx
    .updateTable('uploads')
    .set({ expires_us: expiresUs })
    .where('video_uid', '=', uid)
    .where('state', '=', 'receiving')
    .execute()
}
