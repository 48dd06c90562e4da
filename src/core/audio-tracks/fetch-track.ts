/**
 * The `fetch-audio` job: the file of a track from a URL, through the one guarded way out, going on where a connection or
 * a process broke off, as the file of a video does.
 */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { assert, isFailure } from '../../lib/failure.ts'
import type { KeyedLock } from '../../lib/keyed-lock.ts'
import type { BlobFacts } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { audioSourceBlob } from '../blob-names.ts'
import { type FetchDeps, fetchFile, type FetchRecord, isOriginFailure, noSuchCopy } from '../copy/index.ts'
import { publishWhole } from '../uploads/index.ts'
import { recordBlob } from '../videos/index.ts'
import { ENCODE_AUDIO_KIND, enqueueTrack, type TrackPayload } from './add-track.ts'
import { deleteAudioCopy, getAudioCopy, updateAudioCopy } from './audio-copies.ts'
import type { AudioTrack } from './audio-track.ts'
import { discard, failTrack } from './encode-track.ts'
import { getTrack, setSource } from './track-records.ts'

export type FetchTrackDeps = FetchDeps & {
  readonly db: Db
  readonly jobs: Jobs
  /** One object for all downloads of a process. */
  readonly locks: KeyedLock
}

/** How long a claim waits for one that lost its lease and is about to notice. */
const LOCK_MS = 20_000

/** Runs the job. An origin at fault ends the track with a sentence; everything else (a full disk) is thrown, to be tried again. */
export async function fetchTrack(
  deps: FetchTrackDeps,
  job: ClaimedJob,
  { signal }: JobContext,
): Promise<void> {
  const { track: uid } = job.payload as TrackPayload
  const hold = await deps.locks.take(`audio-copy/${uid}`, { waitMs: LOCK_MS, signal })
  assert(hold !== undefined, `Another claim of job ${job.id} is still at work.`)
  try {
    const track = await getTrack(deps.db, uid)
    if (track?.source.from === 'url') await fetchOnce(deps, job, track, signal)
    else await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
  } catch (error) {
    if (!isFailure(error, 'not_found') || signal.aborted) throw error
    deps.log.info({ track: uid }, 'an audio track was deleted while its file was downloaded')
    await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
  } finally {
    hold.release()
  }
}

async function fetchOnce(
  deps: FetchTrackDeps,
  job: ClaimedJob,
  track: AudioTrack,
  signal: AbortSignal,
): Promise<void> {
  const { uid, videoUid } = track
  const record: FetchRecord = {
    owner: videoUid,
    load: () => getAudioCopy(deps.db, uid),
    save: (changes) => updateAudioCopy(deps.db, uid, changes),
  }
  let fetched: Awaited<ReturnType<typeof fetchFile>>
  try {
    fetched = await fetchFile(deps, record, { signal })
  } catch (error) {
    if (signal.aborted || !isOriginFailure(error)) throw error
    const left = await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      return await failTrack(deps, trx, track, error)
    })
    return await discard(deps, left)
  }
  if (fetched === undefined) throw noSuchCopy()
  const file = await publishWhole(deps, audioSourceBlob(videoUid, uid), fetched.file, fetched.draft)
  await handOn(deps, job, track, file)
}

async function handOn(
  deps: FetchTrackDeps,
  job: ClaimedJob,
  track: AudioTrack,
  file: BlobFacts,
): Promise<void> {
  try {
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      await deleteAudioCopy(trx, track.uid)
      if (!(await setSource(trx, track.uid, { from: 'file' }))) throw noSuchCopy()
      await recordBlob(trx, deps.clock, track.videoUid, file)
      await enqueueTrack(deps.jobs, trx, track, ENCODE_AUDIO_KIND)
    })
  } catch (error) {
    // Deleted while its last bytes came: nobody else knows of the blob.
    if (isFailure(error, 'not_found')) await deps.blobs.delete(file.name)
    throw error
  }
}
