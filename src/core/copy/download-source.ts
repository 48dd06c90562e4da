/**
 * The `download` job: fetches a video's file and hands it on exactly as an upload does. One claim of the job sees it
 * through its tries, since where it stands is in the record, not in the job; a claim that is interrupted leaves what it
 * has committed to the next one.
 */

import type { ClaimedJob } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { assert, type HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Draft } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import { checkRoomOnDisk, completeSource, findTooLong } from '../uploads/index.ts'
import { type ErrorReasonCode, failVideo, requireVideo } from '../videos/index.ts'
import { askOrigin, type OriginBody } from './ask-origin.ts'
import { type Copy, type DownloadDeps, isWhole, noSuchCopy, type WholeCopy } from './copy.ts'
import { deleteCopy, getCopy, updateCopy } from './copy-records.ts'
import { originFailure } from './origin-answer.ts'
import { type CheckCommitted, receiveBody } from './receive-body.ts'

/** Pauses between the tries (uploads.md §6: three of them). */
const PAUSES_MS = [5_000, 30_000] as const
/** A try that brought so much more than any before is no failure of the next one's: the count begins anew. */
const PROGRESS_BYTES = 1_048_576
/** Smallest part of a file that is taken from an origin that gives it in parts. */
const LEAST_PART_BYTES = 65_536
/** How long a claim waits for one that lost its lease and is about to notice. */
const LOCK_MS = 20_000

/**
 * Runs the job. An origin at fault, or a file that declares itself longer than allowed, fails its video and completes the
 * job; everything else (a full disk, say) is thrown, for the job to be tried again.
 */
export async function downloadSource(
  deps: DownloadDeps,
  job: ClaimedJob,
  context: JobContext,
): Promise<void> {
  const { uid } = job.payload as { uid: string }
  const hold = await deps.locks.take(`copy/${uid}`, { waitMs: LOCK_MS, signal: context.signal })
  assert(hold !== undefined, `Another claim of job ${job.id} is still at work.`)
  try {
    await tryAll(deps, { uid, job, signal: context.signal })
  } catch (error) {
    if (!isFailure(error, 'not_found') || context.signal.aborted) throw error
    // The video was deleted, and its job with it.
    deps.log.info({ uid }, 'the video was deleted while it was downloaded')
  } finally {
    hold.release()
  }
}

type Running = { readonly uid: string; readonly job: ClaimedJob; readonly signal: AbortSignal }

async function tryAll(deps: DownloadDeps, running: Running): Promise<void> {
  const { uid, job, signal } = running
  let bestBytes: number | undefined
  for (let tries = 1; ; tries += 1) {
    const copy = await getCopy(deps.db, uid)
    if (copy === undefined) {
      // Handed on by a claim that lost its lease after the commit; or deleted, and then the job is gone, too.
      await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
      return
    }
    bestBytes ??= copy.offsetBytes
    try {
      await downloadOnce(deps, copy, running)
      return
    } catch (error) {
      if (!signal.aborted && isFailure(error, 'media_too_long')) return failCopy(deps, running, error)
      if (signal.aborted || !isOriginFailure(error)) throw error
      const hereBytes = (await getCopy(deps.db, uid))?.offsetBytes ?? 0
      if (hereBytes >= bestBytes + PROGRESS_BYTES) {
        tries = 1
        bestBytes = hereBytes
      }
      const pauseMs = PAUSES_MS[tries - 1]
      deps.log.warn({ uid, tries, receivedBytes: hereBytes, err: error }, 'a download broke off')
      if (error.facts.mayPass !== true || pauseMs === undefined) return failCopy(deps, running, error)
      await deps.clock.sleep(pauseMs, signal)
      signal.throwIfAborted()
    }
  }
}

/** Fetches what is missing and hands the source on. */
async function downloadOnce(deps: DownloadDeps, found: Copy, { uid, job, signal }: Running): Promise<void> {
  // All here already: a crash came between the last byte and the last transaction.
  const { copy, draft } = isWhole(found)
    ? { copy: found, draft: undefined }
    : await fetchRest(deps, found, signal)
  await completeSource(deps, copy, {
    draft,
    end: async (trx) => {
      if (!(await deleteCopy(trx, uid))) throw noSuchCopy()
      await deps.jobs.complete(trx, job)
    },
  })
  deps.log.info({ uid, bytes: copy.lengthBytes }, 'source downloaded')
}

/** One connection after the other until everything is here; usually that is one. */
async function fetchRest(
  deps: DownloadDeps,
  found: Copy,
  signal: AbortSignal,
): Promise<{ copy: WholeCopy; draft: Draft }> {
  const { maxDurationSeconds } = await requireVideo(deps.db, found.videoUid)
  const opened = await openDraft(deps, found)
  const { draft } = opened
  let { copy } = opened
  try {
    while (!isWhole(copy)) {
      const body = await askOrigin(deps, copy, { signal })
      await checkRoomOnDisk(deps, Math.max(0, (body.lengthBytes ?? 0) - copy.offsetBytes))
      const check: CheckCommitted = async (committed) => {
        // One that does not say how long it is may go on until the disk is full.
        if (body.lengthBytes === null) await checkRoomOnDisk(deps, 0)
        const failure = await findTooLong(committed, maxDurationSeconds)
        if (failure !== undefined) throw failure
      }
      copy = await receiveBody({ ...deps, check }, copy, draft, body)
      checkPart(copy, body)
    }
    return { copy, draft }
  } catch (error) {
    await draft.close()
    // Deleted meanwhile: no record names the draft any more.
    if (isFailure(error, 'not_found')) await deps.blobs.discardDraft(draft.id)
    throw error
  }
}

/** An answer may hold less of the file than was asked for; but not so little that a file takes for ever. */
function checkPart(copy: Copy, body: OriginBody): void {
  const partBytes = copy.offsetBytes - body.startBytes
  if (isWhole(copy) || partBytes >= LEAST_PART_BYTES) return
  throw originFailure(
    `${body.host} gives only ${partBytes} bytes of the file at a time; at least ${LEAST_PART_BYTES} are needed.`,
    { mayPass: true },
  )
}

async function openDraft(deps: DownloadDeps, copy: Copy): Promise<{ copy: Copy; draft: Draft }> {
  const { draftId, offsetBytes: lengthBytes, checksums } = copy
  if (draftId !== null) {
    try {
      return { copy, draft: await deps.blobs.resumeDraft(draftId, { lengthBytes, checksums }) }
    } catch (error) {
      // Lost by the disk; all of it is still at its origin.
      if (!isFailure(error, 'blob_damaged')) throw error
      deps.log.warn({ err: error, uid: copy.videoUid }, 'a download begins anew: what was here of it is gone')
      await deps.blobs.discardDraft(draftId)
    }
  }
  const draft = await deps.blobs.createDraft()
  const none = { draftId: draft.id, offsetBytes: 0, checksums: new Uint8Array(0) }
  // Named before its first byte, so that the sweep knows whose it is.
  if (await updateCopy(deps.db, copy.videoUid, none)) return { copy: { ...copy, ...none }, draft }
  await draft.discard()
  throw noSuchCopy()
}

function isOriginFailure(error: unknown): error is HeadwaterError {
  return isFailure(error, 'fetch_failed') || isFailure(error, 'fetch_refused')
}

function reasonOf(error: unknown): ErrorReasonCode {
  if (isFailure(error, 'media_too_long')) return 'ERR_DURATION_EXCEED_CONSTRAINT'
  return isOriginFailure(error) ? 'ERR_FETCH_ORIGIN_ERROR' : 'ERR_UNKNOWN'
}

async function failCopy(deps: DownloadDeps, { uid, job }: Running, failure: HeadwaterError): Promise<void> {
  const draftId = await deps.db.transaction().execute(async (trx) => {
    await deps.jobs.complete(trx, job)
    return endFailed(deps, trx, uid, failure)
  })
  if (draftId !== null) await deps.blobs.discardDraft(draftId)
}

/** Ends the video with what was found, and the copy with it; answers the draft that is nobody's then. */
async function endFailed(
  deps: Pick<DownloadDeps, 'clock' | 'jobs'>,
  trx: Trx,
  uid: string,
  error: unknown,
): Promise<string | null> {
  const copy = await getCopy(trx, uid)
  await deleteCopy(trx, uid)
  const failure = isFailure(error) ? error : undefined
  const status = failure?.facts.status
  await failVideo(trx, deps, uid, {
    reasonCode: reasonOf(error),
    detail: {
      code: failure?.code ?? 'internal',
      stage: 'download',
      detail: failure?.message ?? 'Something unexpected happened while the file was downloaded.',
      ...(status === undefined ? {} : { status }),
    },
  })
  return copy?.draftId ?? null
}

/** Ends the video of a job that was given up for something that was not the origin's fault. */
export async function giveUpDownload(deps: DownloadDeps, uid: string, error: unknown): Promise<void> {
  const draftId = await deps.db.transaction().execute((trx) => endFailed(deps, trx, uid, error))
  if (draftId !== null) await deps.blobs.discardDraft(draftId)
}
