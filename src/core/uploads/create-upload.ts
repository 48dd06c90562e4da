/** The creation of a tus upload: limits, then video and upload in one transaction (uploads.md §2.2). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Trx } from '../../tables.ts'
import {
  blankVideo,
  checkCreator,
  insertVideo,
  MOST_DURATION_SECONDS,
  nextCreatedUs,
} from '../videos/index.ts'
import { findMarkOf } from '../watermarks/index.ts'
import { checkRoomOnDisk, checkUploadLimits } from './check-limits.ts'
import { MAX_UPLOAD_BYTES } from './chunk-rules.ts'
import { finishUpload } from './complete-upload.ts'
import { checkMetadataSyntax, givenMetadata, parseUploadMetadata, type UploadFields } from './tus-metadata.ts'
import { DAY_US, type Upload, type UploadDeps } from './upload.ts'
import { insertUpload } from './upload-records.ts'

/** What a creation request says of the video that is to come. */
export type NewVideo = {
  readonly accountId: string
  /** The address is to work without credentials. */
  readonly direct: boolean
  /** `Upload-Metadata` as sent. */
  readonly metadata?: string
  /** `Upload-Creator` as sent; an empty one is none. */
  readonly creator?: string
}

export type NewUpload = NewVideo & {
  readonly lengthBytes: number
  /** It is to be a part of others (`Upload-Concat: partial`); default false. */
  readonly partial?: boolean
}

/** 256 bits: such an address is its own credential. */
const DIRECT_ID_BYTES = 32

/**
 * Makes an upload and its video (`pendingupload`). An upload of no bytes is complete at once; what is wrong with such
 * a video is told by its processing. A partial upload has no video, and its metadata no effect. Throws `bad_request`,
 * `payload_too_large`, `not_found` (watermark), `too_many_videos`, `storage_exhausted`, `disk_full`.
 */
export async function createUpload(deps: UploadDeps, request: NewUpload): Promise<Upload> {
  if (request.lengthBytes > MAX_UPLOAD_BYTES) throw uploadTooLarge(request.lengthBytes)
  const video = request.partial === true ? undefined : readRequestedVideo(deps, request)
  if (video === undefined) checkMetadataSyntax(request.metadata)
  await checkRoomOnDisk(deps, request.lengthBytes)
  const upload = await deps.db.transaction().execute(async (trx) => {
    // A part reserves nothing; but nobody is to send gigabytes for a video that cannot be.
    const reserveSeconds = video === undefined ? 0 : secondsToReserve(request, video)
    await checkUploadLimits(deps, trx, { accountId: request.accountId, reserveSeconds })
    const made =
      video === undefined
        ? newUpload(deps, { ...request, videoUid: null, concat: 'partial', createdUs: deps.clock.nowUs() })
        : await insertVideoFor(deps, trx, request, video)
    await insertUpload(trx, made)
    return made
  })
  return upload.lengthBytes === 0 ? finishUpload(deps, upload) : upload
}

/** Creator and metadata of a creation request, checked. */
export type RequestedVideo = { readonly creator: string | null; readonly fields: UploadFields }

/** Reads what a creation request says of its video. Throws `bad_request`. */
export function readRequestedVideo(deps: Pick<UploadDeps, 'clock'>, request: NewVideo): RequestedVideo {
  const creator = checkCreator(request.creator?.trim() ?? null)
  return { creator, fields: parseUploadMetadata(request.metadata, { nowUs: deps.clock.nowUs() }) }
}

/** Seconds that are promised to the video until its length is known (uploads.md §2.4, §8). */
export function secondsToReserve(request: NewVideo, { fields }: RequestedVideo): number {
  return fields.maxDurationSeconds ?? (request.direct ? MOST_DURATION_SECONDS : 0)
}

/**
 * Adds the video (`pendingupload`) and answers the upload that is to bring its bytes, which the caller adds. Throws
 * `not_found` (watermark).
 */
export async function insertVideoFor(
  deps: Pick<UploadDeps, 'clock'>,
  trx: Trx,
  request: NewVideo & { readonly lengthBytes: number; readonly concat?: string },
  { creator, fields }: RequestedVideo,
): Promise<Upload & { readonly videoUid: string }> {
  const { accountId } = request
  const createdUs = await nextCreatedUs(trx, deps.clock, accountId)
  const uid = deps.clock.newUid()
  const expiresUs = fields.expiryUs ?? createdUs + DAY_US
  await insertVideo(trx, {
    ...blankVideo({ uid, accountId, createdUs }),
    creator,
    meta: fields.meta,
    uploadExpiryUs: expiresUs,
    maxDurationSeconds: fields.maxDurationSeconds ?? null,
    scheduledDeletionUs: fields.scheduledDeletionUs ?? null,
    allowedOrigins: fields.allowedOrigins,
    requireSignedUrls: fields.requireSignedUrls,
    thumbnailTimestampPct: fields.thumbnailTimestampPct,
    watermark: await findMarkOf(trx, accountId, fields.watermark),
  })
  const upload = newUpload(deps, { ...request, videoUid: uid, createdUs, concat: request.concat ?? null })
  return { ...upload, videoUid: uid, expiresUs }
}

function newUpload(
  deps: Pick<UploadDeps, 'clock'>,
  request: NewVideo & Pick<Upload, 'lengthBytes' | 'videoUid' | 'concat' | 'createdUs'>,
): Upload {
  return {
    id: request.direct ? deps.clock.newSecret(DIRECT_ID_BYTES) : (request.videoUid ?? deps.clock.newUid()),
    accountId: request.accountId,
    videoUid: request.videoUid,
    direct: request.direct,
    state: 'receiving',
    lengthBytes: request.lengthBytes,
    offsetBytes: 0,
    draftId: null,
    checksums: new Uint8Array(0),
    metadata: givenMetadata(request.metadata) ?? null,
    concat: request.concat,
    createdUs: request.createdUs,
    expiresUs: request.createdUs + DAY_US,
  }
}

/** The refusal of a file over the limit. */
export function uploadTooLarge(lengthBytes: number): HeadwaterError {
  return new HeadwaterError(
    'payload_too_large',
    `An upload may have at most ${MAX_UPLOAD_BYTES} bytes, this one would have ${lengthBytes}.`,
    { facts: { lengthBytes, maximumBytes: MAX_UPLOAD_BYTES } },
  )
}
