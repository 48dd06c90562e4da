/**
 * Refusing what is longer than its link allows as soon as the file itself says so, instead of taking all of it and
 * failing in processing (uploads.md §5). Only what is beyond doubt: whatever the headers leave open, processing measures.
 */

import { HeadwaterError } from '../../lib/failure.ts'
import { readDeclaredSeconds } from '../../media/isobmff/read-duration.ts'
import { SNIFF_BYTES, sniff } from '../../media/sniff.ts'
import type { Draft } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import { explainFailure } from '../faults/index.ts'
import { failVideo, type MoveDeps, type Video, type VideoChanges } from '../videos/index.ts'
import type { Upload, UploadDeps } from './upload.ts'
import { markTerminated, takeDraft } from './upload-records.ts'

/** Headers round, and count a last picture differently from what processing finds. */
const DOUBT_SECONDS = 0.5

/**
 * The failure to refuse the bytes in `draft` with, when they are (the beginning of) an MP4 or MOV file that declares
 * itself longer than `maxSeconds`; null = no limit. Costs some small reads, none of them without a limit.
 */
export async function findTooLong(
  draft: Pick<Draft, 'lengthBytes' | 'read'>,
  maxSeconds: number | null,
): Promise<HeadwaterError | undefined> {
  if (maxSeconds === null) return undefined
  const first = new Uint8Array(Math.min(SNIFF_BYTES, draft.lengthBytes))
  await draft.read(first, 0)
  const found = sniff(first)
  if (found.kind === 'refused' || !found.indexable) return undefined
  const seconds = await readDeclaredSeconds({
    sizeBytes: draft.lengthBytes,
    read: (target, position) => draft.read(target, position),
  })
  if (seconds === undefined || seconds <= maxSeconds + DOUBT_SECONDS) return undefined
  return new HeadwaterError(
    'too_long',
    `The video lasts ${seconds.toFixed(1)} s; this upload allows ${maxSeconds} s.`,
    { facts: { seconds, maxSeconds, atSeconds: maxSeconds } },
  )
}

/**
 * Ends an upload whose bytes so far declare themselves too long: its address answers 410 from then on, its video says
 * why, its bytes are gone. Costs one look at the video's record where there is no limit, and some reads of what was
 * written just now where there is. To be called by the holder of the upload, after its bytes were committed. Throws
 * `too_long`.
 */
export async function endTooLong(
  deps: Pick<UploadDeps, 'db' | 'blobs' | 'clock' | 'jobs'>,
  upload: Pick<Upload, 'id' | 'videoUid'>,
  draft: Draft,
): Promise<void> {
  const { videoUid } = upload
  // A part is no film by itself.
  if (videoUid === null) return
  const limit = await deps.db
    .selectFrom('videos')
    .select('max_duration_seconds')
    .where('uid', '=', videoUid)
    .executeTakeFirst()
  const failure = await findTooLong(draft, limit?.max_duration_seconds ?? null)
  if (failure === undefined) return
  await deps.db.transaction().execute(async (trx) => {
    await markTerminated(trx, upload.id)
    await takeDraft(trx, upload.id)
    await failTooLong(trx, deps, videoUid, { failure })
  })
  await deps.blobs.discardDraft(draft.id)
  throw failure
}

/** Ends the video with that failure, which frees what was reserved for it. Throws `not_found`. */
export async function failTooLong(
  trx: Trx,
  deps: MoveDeps,
  uid: string,
  refusal: { failure: HeadwaterError; changes?: VideoChanges },
): Promise<Video> {
  const { failure, changes } = refusal
  return failVideo(trx, deps, uid, {
    ...explainFailure(failure, { stage: 'upload', exactly: true, unexpected: failure.message }),
    changes,
  })
}
