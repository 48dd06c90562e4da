/**
 * One-time form links (uploads.md §5): made with a token, used once by whoever has the address. A link is no more than
 * the name of a video that waits for its file: open while the video is `pendingupload`, used as soon as it is anything
 * else, expired and deleted when the video is. So no crash can leave the two apart: the one transaction that hands the
 * file to the video uses the link up. Killed before it, a source without a row stays behind, which the next try
 * replaces and the sweep removes once the video no longer waits.
 */

import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { BlobFacts, Clock, Draft } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { sourceBlob } from '../blob-names.ts'
import { checkAllowedOrigins } from '../access/index.ts'
import {
  blankVideo,
  checkCreator,
  checkMaxDurationSeconds,
  checkMeta,
  checkScheduledDeletion,
  checkThumbnailTimestampPct,
  checkUploadExpiry,
  getVideo,
  insertVideo,
  nextCreatedUs,
  requireVideo,
  type Video,
  type VideoFields,
} from '../videos/index.ts'
import { findMarkOf } from '../watermarks/index.ts'
import { checkRoomOnDisk, checkUploadLimits } from './check-limits.ts'
import { takeSource } from './complete-upload.ts'
import { checkFormLength, type FormFile, receiveFile } from './form-file.ts'
import { holdUpload, type Sender } from './hold-upload.ts'
import { failTooLong, findTooLong } from './too-long.ts'
import { DAY_US, type UploadDeps } from './upload.ts'

/** What a link and its video are to be; rules in api.md §3.2 and §4.10. */
export type NewFormLink = VideoFields & {
  readonly accountId: string
  /** 1–36,000; reserved. */
  readonly maxDurationSeconds: number
  /** Default: in half an hour. */
  readonly expiryUs?: number
  /** Uid of the profile to be burnt in. */
  readonly watermark?: string
}

const DEFAULT_LIFE_US = 1_800_000_000

/**
 * Makes a link and its video, `pendingupload`; the link's name is the video's uid. Throws `bad_request`,
 * `scheduled_deletion_out_of_range`, `not_found` (watermark), `too_many_videos`, `storage_exhausted`.
 */
export async function createFormLink(
  deps: Pick<UploadDeps, 'db' | 'clock' | 'limits'>,
  request: NewFormLink,
): Promise<Video> {
  const nowUs = deps.clock.nowUs()
  const { accountId, scheduledDeletionUs, watermark } = request
  const maxDurationSeconds = checkMaxDurationSeconds(request.maxDurationSeconds)
  const fields = {
    maxDurationSeconds,
    creator: checkCreator(request.creator ?? null),
    meta: checkMeta(request.meta ?? {}),
    allowedOrigins: checkAllowedOrigins(request.allowedOrigins ?? []),
    requireSignedUrls: request.requireSignedUrls ?? false,
    thumbnailTimestampPct: checkThumbnailTimestampPct(request.thumbnailTimestampPct ?? 0),
    scheduledDeletionUs: checkScheduledDeletion(scheduledDeletionUs ?? null, nowUs),
    uploadExpiryUs: checkUploadExpiry(request.expiryUs ?? nowUs + DEFAULT_LIFE_US, nowUs, 'expiry'),
  }
  return deps.db.transaction().execute(async (trx) => {
    await checkUploadLimits(deps, trx, { accountId, reserveSeconds: maxDurationSeconds })
    const createdUs = await nextCreatedUs(trx, deps.clock, accountId)
    const mark = await findMarkOf(trx, accountId, watermark)
    const blank = blankVideo({ uid: deps.clock.newUid(), accountId, createdUs })
    const video = { ...blank, ...fields, watermark: mark }
    await insertVideo(trx, video)
    await trx.insertInto('form_links').values({ video_uid: video.uid }).execute()
    return video
  })
}

/** A link that one request has for itself. */
export type HeldFormLink = {
  /**
   * Takes the file; the video is `queued` then and the link used up. It is used up, too, when the file declares itself
   * too long: `too_long` is thrown and the video is in `error`. After every other refusal it can be used again.
   * Throws what `receiveFile` throws, `disk_full`, and `not_found` when the video was deleted meanwhile.
   */
  accept(file: FormFile): Promise<Video>
  release(): void
}

/**
 * Takes the link for one request, before a byte of its body is read. `announcedBytes` is its `Content-Length`, `sender`
 * tells how long it has been silent: a dead one makes way for the next. Throws `not_found`, `upload_expired`, `conflict`
 * (used, or another request is running), `payload_too_large`, `disk_full`.
 */
export async function holdFormLink(
  deps: UploadDeps,
  uid: string,
  request: { announcedBytes: number | undefined; sender: Sender; signal: AbortSignal },
): Promise<HeldFormLink> {
  await requireOpenLink(deps, uid)
  checkFormLength(request.announcedBytes)
  const hold = await holdUpload(deps, `form/${uid}`, { body: request.sender, signal: request.signal }).catch(
    (error: unknown) => {
      throw isFailure(error, 'upload_locked') ? beingUsed() : error
    },
  )
  try {
    // Whoever held it before has perhaps used it up.
    await requireOpenLink(deps, uid)
    await checkRoomOnDisk(deps, request.announcedBytes ?? 0)
  } catch (error) {
    hold.release()
    throw error
  }
  return { accept: (file) => acceptFile(deps, uid, file), release: () => hold.release() }
}

async function acceptFile(deps: UploadDeps, uid: string, file: FormFile): Promise<Video> {
  const draft = await deps.blobs.createDraft({ streamed: true })
  let published = false
  try {
    await receiveFile(draft, file.body)
    await refuseTooLong(deps, uid, draft)
    const source = await draft.publish(sourceBlob(uid))
    published = true
    return await handOver(deps, uid, { source, name: file.name })
  } finally {
    if (!published) await draft.discard()
  }
}

async function refuseTooLong(deps: UploadDeps, uid: string, draft: Draft): Promise<void> {
  const { maxDurationSeconds } = await requireVideo(deps.db, uid)
  const failure = await findTooLong(draft, maxDurationSeconds)
  if (failure === undefined) return
  const changes = { sizeBytes: draft.lengthBytes, uploadedUs: deps.clock.nowUs() }
  await deps.db.transaction().execute((trx) => failTooLong(trx, deps, uid, { failure, changes }))
  throw failure
}

async function handOver(
  deps: UploadDeps,
  uid: string,
  file: { source: BlobFacts; name: string | null },
): Promise<Video> {
  const { source, name } = file
  try {
    return await deps.db.transaction().execute(async (trx) => {
      const { meta } = await requireVideo(trx, uid)
      const named = name === null || Object.hasOwn(meta, 'name') ? meta : { ...meta, name }
      return takeSource(deps, trx, uid, source, { meta: named })
    })
  } catch (error) {
    // Deleted while its file came: nobody else knows of the blob.
    if (isFailure(error, 'not_found')) await deps.blobs.delete(source.name)
    throw error
  }
}

async function requireOpenLink(deps: { db: Db; clock: Clock }, uid: string): Promise<Video> {
  const link = await deps.db
    .selectFrom('form_links')
    .select('video_uid')
    .where('video_uid', '=', uid)
    .executeTakeFirst()
  const video = link && (await getVideo(deps.db, uid))
  if (video === undefined) throw noSuchLink()
  if (video.state !== 'pendingupload') {
    throw new HeadwaterError('conflict', 'This link has been used; it takes one file. Ask for a new link.')
  }
  const expiresUs = video.uploadExpiryUs ?? Number.POSITIVE_INFINITY
  const nowUs = deps.clock.nowUs()
  if (nowUs >= expiresUs + DAY_US) throw noSuchLink()
  if (nowUs < expiresUs) return video
  throw new HeadwaterError(
    'upload_expired',
    `this link could be used until ${new Date(expiresUs / 1000).toUTCString()}; ask for a new one`,
  )
}

function noSuchLink(): HeadwaterError {
  return new HeadwaterError('not_found', 'There is no such upload link; its video may have been deleted.')
}

function beingUsed(): HeadwaterError {
  return new HeadwaterError('conflict', 'A file is being sent to this link already; it takes one.')
}
