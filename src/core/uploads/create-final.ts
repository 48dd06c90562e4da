/**
 * A final upload (tus concatenation, uploads.md §3.6): a video made of partial uploads that are complete. The request is
 * answered as soon as this is recorded, for all bytes are on the disk already and copying 30 GB takes minutes; the video is
 * `queued`, HEAD tells the whole length, and the job `concatenate` writes the source. From the transaction on the bytes of
 * the parts are kept for it, whatever happens to their addresses.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { PRIORITY } from '../../jobs/job.ts'
import type { Db } from '../../tables.ts'
import { moveVideo } from '../videos/index.ts'
import { checkRoomOnDisk, checkUploadLimits } from './check-limits.ts'
import { MAX_UPLOAD_BYTES } from './chunk-rules.ts'
import { findEqualFinal, insertConcatenation } from './concatenation-records.ts'
import {
  insertVideoFor,
  type NewVideo,
  readRequestedVideo,
  secondsToReserve,
  uploadTooLarge,
} from './create-upload.ts'
import { DAY_US, type Upload, type UploadAddress, type UploadDeps } from './upload.ts'
import { givenMetadata } from './tus-metadata.ts'
import { insertUpload, listUploads } from './upload-records.ts'

export type NewFinal = NewVideo & {
  /** `Upload-Concat` as sent. */
  readonly concat: string
  /** The partial uploads it names, in order; one may come more than once. */
  readonly parts: readonly UploadAddress[]
}

/** As many addresses as a request's headers have room for. */
export const MOST_PARTS = 100

/**
 * Makes the video and has its source put together. The same request again (a client that lost the answer) is answered
 * with what the first one made, as long as that video is there and its address alive. Throws `bad_request` (a part that is
 * unknown, incomplete, expired or of another account; too many), `payload_too_large`, and what `createUpload` throws.
 */
export async function createFinal(deps: UploadDeps, request: NewFinal): Promise<Upload> {
  if (request.parts.length > MOST_PARTS) {
    throw refused(`an upload can have at most ${MOST_PARTS} parts, not ${request.parts.length}`)
  }
  const video = readRequestedVideo(deps, request)
  const wanted = {
    accountId: request.accountId,
    concat: request.concat,
    direct: request.direct,
    metadata: givenMetadata(request.metadata) ?? null,
    creator: video.creator,
    nowUs: deps.clock.nowUs(),
  }
  const before = await findEqualFinal(deps.db, wanted)
  if (before) return before
  const { lengthBytes } = await findParts(deps, deps.db, request)
  await checkRoomOnDisk(deps, lengthBytes)
  return deps.db.transaction().execute(async (trx) => {
    // Looked up again: nobody else writes from here on.
    const meanwhile = await findEqualFinal(trx, wanted)
    if (meanwhile) return meanwhile
    const { parts } = await findParts(deps, trx, request)
    const reserveSeconds = secondsToReserve(request, video)
    await checkUploadLimits(deps, trx, { accountId: request.accountId, reserveSeconds })
    const made = await insertVideoFor(deps, trx, { ...request, lengthBytes }, video)
    const upload: Upload = {
      ...made,
      state: 'complete',
      offsetBytes: lengthBytes,
      expiresUs: deps.clock.nowUs() + DAY_US,
    }
    await insertUpload(trx, upload)
    await insertConcatenation(trx, { videoUid: made.videoUid, lengthBytes, parts })
    await moveVideo(trx, deps, made.videoUid, 'queued', { sizeBytes: lengthBytes })
    await deps.jobs.enqueue(trx, {
      kind: 'concatenate',
      dedupe: `concatenate/${made.videoUid}`,
      payload: { uid: made.videoUid },
      videoUid: made.videoUid,
      priority: PRIORITY.first,
    })
    return upload
  })
}

async function findParts(
  deps: Pick<UploadDeps, 'clock'>,
  db: Db,
  request: NewFinal,
): Promise<{ readonly parts: readonly Upload[]; readonly lengthBytes: number }> {
  const found = await listUploads(
    db,
    request.parts.map((address) => address.id),
  )
  const byId = new Map(found.map((upload) => [upload.id, upload]))
  const nowUs = deps.clock.nowUs()
  const parts = request.parts.map((address, index) =>
    checkPart(byId.get(address.id), { address, accountId: request.accountId, position: index + 1, nowUs }),
  )
  const lengthBytes = parts.reduce((sum, part) => sum + part.lengthBytes, 0)
  if (lengthBytes > MAX_UPLOAD_BYTES) throw uploadTooLarge(lengthBytes)
  return { parts, lengthBytes }
}

function checkPart(
  part: Upload | undefined,
  asked: { address: UploadAddress; accountId: string; position: number; nowUs: number },
): Upload {
  const { address, accountId, position, nowUs } = asked
  const addressFits = part?.direct ? address.accountId === null : address.accountId === accountId
  // Of uploads of others nothing is told, not even that they exist.
  if (!part || !addressFits || part.accountId !== accountId || part.videoUid !== null) {
    throw refused(`part ${position} is no partial upload of this account`)
  }
  if (part.state === 'terminated') throw refused(`part ${position} was ended by its sender`)
  if (nowUs >= part.expiresUs) throw refused(`part ${position} has expired`)
  if (part.state !== 'complete') {
    throw refused(
      `part ${position} is not complete: ${part.offsetBytes} of ${part.lengthBytes} bytes are here`,
    )
  }
  return part
}

function refused(what: string): HeadwaterError {
  return new HeadwaterError('bad_request', `Upload-Concat: ${what}.`)
}
