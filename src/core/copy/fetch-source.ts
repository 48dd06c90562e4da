/**
 * The `download` job: fetches a video's file and hands it on exactly as an upload does. One claim of the job sees it
 * through its tries, since where it stands is in the record, not in the job; a claim that is interrupted leaves what it
 * has committed to the next one.
 */

import type { ClaimedJob } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { assert, type HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Trx } from '../../tables.ts'
import { explainFailure } from '../faults/index.ts'
import { completeSource, findTooLong } from '../uploads/index.ts'
import { failVideo, requireVideo } from '../videos/index.ts'
import { type FetchSourceDeps, noSuchCopy } from './copy.ts'
import { deleteCopy, getCopy, updateCopy } from './copy-records.ts'
import { fetchFile, type FetchRecord, isOriginFailure } from './fetch-file.ts'

/** How long a claim waits for one that lost its lease and is about to notice. */
const LOCK_MS = 20_000

/**
 * Runs the job. An origin at fault, or a file that declares itself longer than allowed, fails its video and completes the
 * job; everything else (a full disk, say) is thrown, for the job to be tried again.
 */
export async function fetchSource(
  deps: FetchSourceDeps,
  job: ClaimedJob,
  context: JobContext,
): Promise<void> {
  const { uid } = job.payload as { uid: string }
  const hold = await deps.locks.take(`copy/${uid}`, { waitMs: LOCK_MS, signal: context.signal })
  assert(hold !== undefined, `Another claim of job ${job.id} is still at work.`)
  try {
    await fetchCopy(deps, { uid, job, signal: context.signal })
  } catch (error) {
    if (!isFailure(error, 'not_found') || context.signal.aborted) throw error
    // The video was deleted, and its job with it.
    deps.log.info({ uid }, 'the video was deleted while it was downloaded')
  } finally {
    hold.release()
  }
}

type Running = { readonly uid: string; readonly job: ClaimedJob; readonly signal: AbortSignal }

async function fetchCopy(deps: FetchSourceDeps, running: Running): Promise<void> {
  const { uid, job, signal } = running
  const { maxDurationSeconds } = await requireVideo(deps.db, uid)
  const record: FetchRecord = {
    owner: uid,
    load: () => getCopy(deps.db, uid),
    save: (changes) => updateCopy(deps.db, uid, changes),
    findFault: (committed) => findTooLong(committed, maxDurationSeconds),
  }
  let fetched: Awaited<ReturnType<typeof fetchFile>>
  try {
    fetched = await fetchFile(deps, record, { signal })
  } catch (error) {
    const final = isOriginFailure(error) || isFailure(error, 'too_long')
    if (signal.aborted || !final) throw error
    return await failCopy(deps, running, error)
  }
  // Handed on by a claim that lost its lease after the commit; or deleted, and then the job is gone, too.
  if (fetched === undefined) return await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
  await completeSource(
    deps,
    { ...fetched.file, videoUid: uid },
    {
      draft: fetched.draft,
      end: async (trx) => {
        if (!(await deleteCopy(trx, uid))) throw noSuchCopy()
        await deps.jobs.complete(trx, job)
      },
    },
  )
  deps.log.info({ uid, bytes: fetched.file.lengthBytes }, 'source downloaded')
}

async function failCopy(
  deps: FetchSourceDeps,
  { uid, job }: Running,
  failure: HeadwaterError,
): Promise<void> {
  const draftId = await deps.db.transaction().execute(async (trx) => {
    await deps.jobs.complete(trx, job)
    return endFailed(deps, trx, uid, failure)
  })
  if (draftId !== null) await deps.blobs.discardDraft(draftId)
}

/** Ends the video with what was found, and the copy with it; answers the draft that is nobody's then. */
async function endFailed(
  deps: Pick<FetchSourceDeps, 'clock' | 'jobs'>,
  trx: Trx,
  uid: string,
  error: unknown,
): Promise<string | null> {
  const copy = await getCopy(trx, uid)
  await deleteCopy(trx, uid)
  const unexpected = 'Something unexpected happened while the file was downloaded.'
  const explained = explainFailure(error, { stage: 'download', exactly: true, unexpected })
  const status = isFailure(error) ? error.facts.status : undefined
  await failVideo(trx, deps, uid, {
    ...explained,
    detail: { ...explained.detail, ...(typeof status === 'number' ? { status } : {}) },
  })
  return copy?.draftId ?? null
}

/** Ends the video of a job that was given up for something that was not the origin's fault. */
export async function giveUpCopy(deps: FetchSourceDeps, uid: string, error: unknown): Promise<void> {
  const draftId = await deps.db.transaction().execute((trx) => endFailed(deps, trx, uid, error))
  if (draftId !== null) await deps.blobs.discardDraft(draftId)
}
