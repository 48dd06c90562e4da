/** Accepts a URL to upload from: limits, then video, copy and job in one transaction (api.md §4.8). */

import { PRIORITY } from '../../jobs/job.ts'
import { shownUrl } from '../../lib/shown-url.ts'
import { checkRoomOnDisk, checkUploadLimits, parseUploadMetadata } from '../uploads/index.ts'
import {
  blankVideo,
  checkEdit,
  insertVideo,
  type JsonObject,
  nextCreatedUs,
  type Video,
  type VideoFields,
} from '../videos/index.ts'
import { findMarkOf } from '../watermarks/index.ts'
import { checkUrl } from './check-url.ts'
import { type CopyDeps, FETCH_KIND } from './copy.ts'
import { insertCopy } from './copy-records.ts'

export type NewCopy = {
  readonly accountId: string
  readonly url: string
  /** Older way to say `meta.name`. */
  readonly name?: string
  /** Uid of a watermark profile. */
  readonly watermark?: string
  /** Fields of the video; they win over those of the headers. */
  readonly fields: VideoFields
  /** `Upload-Metadata` and `Upload-Creator` as sent. */
  readonly headers: { readonly metadata?: string; readonly creator?: string }
}

/**
 * Makes the video (`downloading`) and the job that fetches its file. Whether there is such a file is not looked at here.
 * Throws `bad_request`, `scheduled_deletion_out_of_range`, `not_found` (watermark), `too_many_videos`,
 * `storage_exhausted`, `disk_full`.
 */
export async function createCopy(deps: CopyDeps, request: NewCopy): Promise<Video> {
  const url = checkUrl(request.url, 'input')
  const told = parseUploadMetadata(request.headers.metadata, { nowUs: deps.clock.nowUs() })
  await checkRoomOnDisk(deps, 0)
  return deps.db.transaction().execute(async (trx) => {
    await checkUploadLimits(deps, trx, {
      accountId: request.accountId,
      reserveSeconds: told.maxDurationSeconds ?? 0,
    })
    const createdUs = await nextCreatedUs(trx, deps.clock, request.accountId)
    const uid = deps.clock.newUid()
    const blank = blankVideo({ uid, accountId: request.accountId, createdUs })
    const given = Object.fromEntries(
      Object.entries(request.fields).filter(([, value]) => value !== undefined),
    )
    const fields = checkEdit(
      blank,
      {
        creator: request.headers.creator?.trim(),
        allowedOrigins: told.allowedOrigins,
        requireSignedUrls: told.requireSignedUrls,
        thumbnailTimestampPct: told.thumbnailTimestampPct,
        scheduledDeletionUs: told.scheduledDeletionUs,
        ...given,
        meta: nameMeta({ ...told.meta, ...request.fields.meta }, request.name, url),
      },
      deps.clock.nowUs(),
    )
    const video: Video = {
      ...blank,
      ...fields,
      watermark: await findMarkOf(trx, request.accountId, request.watermark ?? told.watermark),
      meta: { ...fields.meta, 'downloaded-from': shownUrl(request.url) },
      state: 'downloading',
      uploadedUs: createdUs,
      maxDurationSeconds: told.maxDurationSeconds ?? null,
    }
    await insertVideo(trx, video)
    await insertCopy(trx, { videoUid: uid, url: url.href })
    await deps.jobs.enqueue(trx, {
      kind: FETCH_KIND,
      dedupe: `${FETCH_KIND}/${uid}`,
      payload: { uid },
      videoUid: uid,
      priority: PRIORITY.first,
    })
    return video
  })
}

/** `meta` with a name: its own, the older field's, or the file's. */
function nameMeta(meta: JsonObject, name: string | undefined, url: URL): JsonObject {
  const found = meta.name ?? (name || fileName(url))
  return found === '' ? meta : { ...meta, name: found }
}

/** Last part of the path, decoded; some stores encode the slashes before it. Empty if there is none. */
function fileName(url: URL): string {
  let path = url.pathname
  try {
    path = decodeURIComponent(path)
  } catch {
    // A lone percent sign is one.
  }
  return path.slice(path.lastIndexOf('/') + 1)
}
