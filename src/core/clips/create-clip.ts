/** Accepts a clip: its rules and limits, then video and job in one transaction (api.md §4.9). */

import { PRIORITY } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { checkRoomOnDisk, checkUploadLimits } from '../uploads/index.ts'
import {
  blankVideo,
  checkEdit,
  insertVideo,
  type JsonObject,
  nextCreatedUs,
  requireVideo,
  type Video,
  type VideoEdit,
  type VideoFields,
} from '../videos/index.ts'
import { findMarkOf } from '../watermarks/index.ts'
import { CLIP_KIND, type ClipDeps, type ClipPayload } from './clip.ts'

export type NewClip = {
  readonly accountId: string
  readonly sourceUid: string
  readonly startSeconds: number
  readonly endSeconds: number
  /** Another way to say `meta.name`. */
  readonly name?: string
  /** Uid of a watermark profile. */
  readonly watermark?: string
  /** Fields of the clip; some come from the source where they are not given. */
  readonly fields: VideoFields
}

/** Shortest video there is (uploads.md §7). */
const SHORTEST_SECONDS = 0.1

/**
 * Makes the video (`queued`) and the job that cuts it. Throws `not_found` (source, watermark), `conflict` when the
 * source is not ready, `bad_request`, `scheduled_deletion_out_of_range`, `too_many_videos`, `storage_exhausted`,
 * `disk_full`.
 */
export async function createClip(deps: ClipDeps, request: NewClip): Promise<Video> {
  const { accountId, sourceUid, startSeconds, endSeconds } = request
  await checkRoomOnDisk(deps, 0)
  return deps.db.transaction().execute(async (trx) => {
    const source = await requireVideo(trx, sourceUid, accountId)
    const durationSeconds = checkRange(source, startSeconds, endSeconds)
    const mark = await findMarkOf(trx, accountId, request.watermark)
    await checkUploadLimits(deps, trx, { accountId, reserveSeconds: Math.ceil(durationSeconds) })
    const createdUs = await nextCreatedUs(trx, deps.clock, accountId)
    const uid = deps.clock.newUid()
    const blank = blankVideo({ uid, accountId, createdUs })
    const video: Video = {
      ...blank,
      ...checkEdit(blank, fieldsOf(source, request), deps.clock.nowUs()),
      state: 'queued',
      uploadedUs: createdUs,
      durationSeconds,
      displaySize: source.displaySize,
      clippedFrom: sourceUid,
      // Without one of its own it shows that of the source, in the pictures they share.
      watermark: mark ?? source.watermark,
    }
    await insertVideo(trx, video)
    await deps.jobs.enqueue(trx, {
      kind: CLIP_KIND,
      dedupe: `${CLIP_KIND}/${uid}`,
      payload: { uid, sourceUid, startSeconds, endSeconds, marked: mark !== null } satisfies ClipPayload,
      videoUid: uid,
      priority: PRIORITY.first,
    })
    return video
  })
}

/** The clip's length in seconds, as near as it is known before it is cut. */
function checkRange(source: Video, startSeconds: number, endSeconds: number): number {
  if (source.state !== 'ready') {
    throw new HeadwaterError(
      'conflict',
      `Only a video that is ready can be clipped; ${source.uid} is ${source.state}.`,
      { facts: { uid: source.uid, state: source.state } },
    )
  }
  const sourceSeconds = source.durationSeconds ?? 0
  const latest = Math.ceil(sourceSeconds)
  if (endSeconds <= startSeconds) {
    throw refused(
      'endTimeSeconds',
      `must be greater than startTimeSeconds (${startSeconds}), not ${endSeconds}`,
    )
  }
  if (endSeconds > latest) {
    throw refused(
      'endTimeSeconds',
      `may be at most ${latest}, since the video lasts ${sourceSeconds.toFixed(3)} s; it is ${endSeconds}`,
    )
  }
  const seconds = Math.min(endSeconds, sourceSeconds) - startSeconds
  if (seconds < SHORTEST_SECONDS) {
    throw refused(
      'startTimeSeconds',
      `must leave at least ${SHORTEST_SECONDS} s of the video, which lasts ${sourceSeconds.toFixed(3)} s; it is ${startSeconds}`,
    )
  }
  return seconds
}

function refused(field: string, rule: string): HeadwaterError {
  return new HeadwaterError('bad_request', `${field} ${rule}.`, { facts: { field } })
}

/** What is given, and what is inherited (api.md §4.9): never the day of deletion. */
function fieldsOf(source: Video, { fields, name }: NewClip): VideoEdit {
  const { meta, creator, allowedOrigins, requireSignedUrls } = fields
  return {
    ...fields,
    creator: creator === undefined ? source.creator : creator,
    allowedOrigins: allowedOrigins ?? source.allowedOrigins,
    requireSignedUrls: requireSignedUrls ?? source.requireSignedUrls,
    meta: nameMeta(meta, source.meta, name),
  }
}

/** `name` names what has no name of its own: a given `meta` without one, or the copy of the source's. */
function nameMeta(meta: JsonObject | undefined, inherited: JsonObject, name: string | undefined): JsonObject {
  if (name === undefined || name === '') return meta ?? inherited
  return meta === undefined ? { ...inherited, name } : { name, ...meta }
}
