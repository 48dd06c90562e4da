/**
 * The `encode-audio` job: the sound of a track becomes a rendition of its video, on the video's cuts, cut where it is
 * longer and silent where it is shorter (media.md §3). It is published first and then recorded in one transaction with
 * the job's end; a crash on the way leaves blobs without a row, which the sweep removes, and a job that is claimed again.
 */

import type { ClaimedJob } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Trx } from '../../tables.ts'
import { audioSourceBlob } from '../blob-names.ts'
import { encodeWholeSound, type FinishedChunk, recordChunk, type WholeSoundDeps } from '../encoding/index.ts'
import { type Explained, explainFailure } from '../faults/index.ts'
import { planEncodedSound } from '../planning/index.ts'
import { getPlanRow } from '../timeline/index.ts'
import { recordEvent, requireVideo } from '../videos/index.ts'
import type { TrackPayload } from './add-track.ts'
import { deleteAudioCopy } from './audio-copies.ts'
import type { AudioTrack } from './audio-track.ts'
import { type InputDeps, openTrackInput } from './track-input.ts'
import { finishTrack, getTrack } from './track-records.ts'

export type EncodeTrackDeps = WholeSoundDeps & InputDeps

/** Runs the job. Throws what is wrong with a file at fault; the track becomes `error` when the job is given up. */
export async function encodeTrack(
  deps: EncodeTrackDeps,
  job: ClaimedJob,
  { signal }: JobContext,
): Promise<void> {
  const { track: uid } = job.payload as TrackPayload
  const track = await getTrack(deps.db, uid)
  if (track?.status !== 'queued') {
    // Deleted, or made by a claim that lost its lease after the commit.
    await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
    return
  }
  const row = await getPlanRow(deps.db, track.videoUid)
  if (row === undefined) throw new HeadwaterError('internal', `Video ${track.videoUid} has no plan.`)
  const { channels: found, ...sound } = await openTrackInput(deps, track, row, signal)
  // Beside a stereo sound in stereo, too: players switch without a new decoder, and Shaka takes the one with more channels
  // for the default whatever the manifest says.
  const channels = row.plan.audio !== null && row.plan.audio.channels > 1 ? 2 : found
  const rendition = planEncodedSound(row.plan, { id: track.rendition, channels })
  const chunk = await encodeWholeSound(deps, track.videoUid, { rendition, sound }, signal)
  await settle(deps, job, track, { chunk, channels })
}

/** Records what was made, or deletes it again when the track is gone or the lease lost. */
async function settle(
  deps: EncodeTrackDeps,
  job: ClaimedJob,
  track: AudioTrack,
  { chunk, channels }: { readonly chunk: FinishedChunk; readonly channels: 1 | 2 },
): Promise<void> {
  let unused: readonly string[] = [chunk.blob.name]
  try {
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      if (!(await finishTrack(trx, track.uid, { status: 'ready', channels }))) {
        // Deleted meanwhile, and its header with it, unless it was written after that.
        unused = [chunk.blob.name, chunk.init.name]
        return
      }
      await recordChunk(trx, deps.clock, chunk)
      await tell(deps, trx, track, { status: 'ready' })
      const file = await forgetFile(trx, track)
      unused = file === undefined ? [] : [file]
    })
  } catch (error) {
    // The header has a name that another claim may have recorded.
    await deps.blobs.delete(chunk.blob.name)
    throw error
  }
  for (const name of unused) await deps.blobs.delete(name)
}

/** Ends a track that could not be made; also for jobs that were given up. */
export async function giveUpTrack(
  deps: Pick<EncodeTrackDeps, 'db' | 'blobs' | 'clock'>,
  job: ClaimedJob,
  error: unknown,
): Promise<void> {
  const { track: uid } = job.payload as TrackPayload
  const track = await getTrack(deps.db, uid)
  if (track === undefined) return
  const left = await deps.db.transaction().execute((trx) => failTrack(deps, trx, track, error))
  await discard(deps, left)
}

/** What nobody names any more once the transaction has been committed. */
export type Leftovers = { readonly draft: string | null; readonly file: string | undefined }

/** Ends a track with a sentence for its owner. */
export async function failTrack(
  deps: Pick<EncodeTrackDeps, 'clock'>,
  trx: Trx,
  track: AudioTrack,
  error: unknown,
): Promise<Leftovers> {
  const { detail } = explainFailure(error, {
    stage: track.source.from === 'url' ? 'download' : 'encode',
    unexpected: 'Something unexpected happened while it was made.',
  })
  const draft = await deleteAudioCopy(trx, track.uid)
  const end = { status: 'error', error: detail.detail, failure: detail } as const
  if (!(await finishTrack(trx, track.uid, end))) return { draft, file: undefined }
  // An origin's own status is in the sentence.
  const { status: _status, ...said } = detail
  await tell(deps, trx, track, { status: 'error', ...said })
  return { draft, file: await forgetFile(trx, track) }
}

/** Deletes what `failTrack` left. */
export async function discard(deps: Pick<EncodeTrackDeps, 'blobs'>, left: Leftovers): Promise<void> {
  if (left.draft !== null) await deps.blobs.discardDraft(left.draft)
  if (left.file !== undefined) await deps.blobs.delete(left.file)
}

/** The row of the track's file; the blob itself is to be deleted after the commit. */
async function forgetFile(trx: Trx, { uid, videoUid }: AudioTrack): Promise<string | undefined> {
  const row = await trx
    .deleteFrom('blobs')
    .where('name', '=', audioSourceBlob(videoUid, uid))
    .returning('name')
    .executeTakeFirst()
  return row?.name
}

async function tell(
  deps: Pick<EncodeTrackDeps, 'clock'>,
  trx: Trx,
  { videoUid, label }: AudioTrack,
  detail: { readonly status: 'ready' } | ({ readonly status: 'error' } & Omit<Explained['detail'], 'status'>),
): Promise<void> {
  await recordEvent(trx, deps.clock, await requireVideo(trx, videoUid), {
    kind: 'audio-track',
    detail: { label, ...detail },
  })
}
