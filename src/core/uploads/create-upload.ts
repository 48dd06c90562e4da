/** The creation of a tus upload: limits, then video and upload in one transaction (uploads.md §2.2). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Trx } from '../../tables.ts'
import {
  checkCreator,
  insertVideo,
  MOST_DURATION_SECONDS,
  nextCreatedUs,
  type Video,
} from '../videos/index.ts'
import { checkRoomOnDisk, checkUploadLimits } from './check-limits.ts'
import { MAX_UPLOAD_BYTES } from './chunk-rules.ts'
import { finishUpload } from './complete-upload.ts'
import { parseUploadMetadata, type UploadFields } from './tus-metadata.ts'
import { DAY_US, type Upload, type UploadDeps } from './upload.ts'
import { insertUpload } from './upload-records.ts'

export type NewUpload = {
  readonly accountId: string
  readonly lengthBytes: number
  /** The address is to work without credentials. */
  readonly direct: boolean
  /** `Upload-Metadata` as sent. */
  readonly metadata?: string
  /** `Upload-Creator` as sent; an empty one is none. */
  readonly creator?: string
}

/** 256 bits: such an address is its own credential. */
const DIRECT_ID_BYTES = 32

/**
 * Makes an upload and its video (`pendingupload`). An upload of no bytes is complete at once; what is wrong with such
 * a video is told by its processing. Throws `bad_request`, `payload_too_large`, `not_found` (watermark),
 * `too_many_videos`, `storage_exhausted`, `disk_full`.
 */
export async function createUpload(deps: UploadDeps, request: NewUpload): Promise<Upload> {
  if (request.lengthBytes > MAX_UPLOAD_BYTES) {
    throw new HeadwaterError(
      'payload_too_large',
      `An upload may have at most ${MAX_UPLOAD_BYTES} bytes, Upload-Length says ${request.lengthBytes}.`,
      { facts: { lengthBytes: request.lengthBytes, maximumBytes: MAX_UPLOAD_BYTES } },
    )
  }
  const creator = checkCreator(request.creator?.trim() ?? null)
  const fields = parseUploadMetadata(request.metadata, { nowUs: deps.clock.nowUs() })
  if (fields.watermark !== undefined) {
    throw new HeadwaterError('not_found', `There is no watermark profile ${fields.watermark.slice(0, 64)}.`)
  }
  await checkRoomOnDisk(deps, request.lengthBytes)
  const upload = await deps.db.transaction().execute(async (trx) => {
    await checkUploadLimits(deps, trx, {
      accountId: request.accountId,
      reserveSeconds: fields.maxDurationSeconds ?? (request.direct ? MOST_DURATION_SECONDS : 0),
    })
    return insertBoth(deps, trx, { ...request, creator, fields })
  })
  return upload.lengthBytes === 0 ? finishUpload(deps, upload) : upload
}

async function insertBoth(
  deps: UploadDeps,
  trx: Trx,
  request: Omit<NewUpload, 'creator'> & { creator: string | null; fields: UploadFields },
): Promise<Upload> {
  const { fields } = request
  const createdUs = await nextCreatedUs(trx, deps.clock, request.accountId)
  const expiresUs = fields.expiryUs ?? createdUs + DAY_US
  const uid = deps.clock.newUid()
  await insertVideo(trx, {
    ...blankVideo({ uid, accountId: request.accountId, createdUs }),
    creator: request.creator,
    meta: fields.meta,
    uploadExpiryUs: expiresUs,
    maxDurationSeconds: fields.maxDurationSeconds ?? null,
    scheduledDeletionUs: fields.scheduledDeletionUs ?? null,
    allowedOrigins: fields.allowedOrigins,
    requireSignedUrls: fields.requireSignedUrls,
    thumbnailTimestampPct: fields.thumbnailTimestampPct,
  })
  const upload: Upload = {
    id: request.direct ? deps.clock.newSecret(DIRECT_ID_BYTES) : uid,
    accountId: request.accountId,
    videoUid: uid,
    direct: request.direct,
    state: 'receiving',
    lengthBytes: request.lengthBytes,
    offsetBytes: 0,
    draftId: null,
    checksums: new Uint8Array(0),
    metadata: request.metadata ?? null,
    createdUs,
    expiresUs,
  }
  await insertUpload(trx, upload)
  return upload
}

/** A video of which nothing is known yet, waiting for its bytes. */
export function blankVideo(given: { uid: string; accountId: string; createdUs: number }): Video {
  return {
    uid: given.uid,
    accountId: given.accountId,
    creator: null,
    meta: {},
    state: 'pendingupload',
    step: null,
    pctComplete: null,
    error: null,
    sizeBytes: 0,
    durationSeconds: null,
    displaySize: null,
    createdUs: given.createdUs,
    modifiedUs: given.createdUs,
    uploadedUs: null,
    readyUs: null,
    uploadExpiryUs: null,
    maxDurationSeconds: null,
    scheduledDeletionUs: null,
    allowedOrigins: [],
    requireSignedUrls: false,
    thumbnailTimestampPct: 0,
    publicDetails: null,
    liveInput: null,
    clippedFrom: null,
  }
}
