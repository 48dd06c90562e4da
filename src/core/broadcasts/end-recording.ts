/**
 * The end of a broadcast is the end of an upload: what was recorded becomes the video's source, and the ordinary ingest
 * finds that it can be played as it is. Begins wherever a crash has left it.
 */

import type { Jobs } from '../../jobs/job.ts'
import { isFailure } from '../../lib/failure.ts'
import type { Blobs, Clock, Draft } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { completeSource } from '../uploads/index.ts'
import { failVideo } from '../videos/index.ts'
import { deleteRecording, type RecordingRecord, updateRecording } from './recording-records.ts'

export type RecordingDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly jobs: Jobs
}

const DAY_US = 86_400_000_000

/**
 * Hands the recording to its video. `draft` is the open draft if the caller has it, all of it synced; it is used up. May
 * be called again after a failure, then without a draft. Doing it twice does nothing.
 */
export async function endRecording(
  deps: RecordingDeps,
  record: RecordingRecord,
  draft?: Draft,
): Promise<void> {
  if (record.lengthBytes === 0) {
    await draft?.close()
    return failEmpty(deps, record)
  }
  try {
    await updateRecording(deps.db, record.videoUid, {
      lengthBytes: record.lengthBytes,
      checksums: record.checksums,
      ended: true,
    })
    await completeSource(deps, record, {
      ...(draft && { draft }),
      // live.md §5: counted from when it is ready, which is a moment from now.
      ...(record.deleteAfterDays !== null && {
        changes: { scheduledDeletionUs: deps.clock.nowUs() + record.deleteAfterDays * DAY_US },
      }),
      end: (trx) => deleteRecording(trx, record.videoUid),
    })
  } catch (error) {
    if (!isFailure(error, 'not_found')) throw error
  }
}

/** Nothing could be written of it, from its begin to its end. */
async function failEmpty(deps: RecordingDeps, { videoUid, draftId }: RecordingRecord): Promise<void> {
  try {
    await deps.db.transaction().execute(async (trx) => {
      await deleteRecording(trx, videoUid)
      await failVideo(trx, deps, videoUid, {
        reasonCode: 'ERR_UNKNOWN',
        detail: {
          code: 'disk_full',
          stage: 'recording',
          detail: 'Nothing of the broadcast could be recorded: the disk did not take it.',
        },
      })
    })
  } catch (error) {
    if (!isFailure(error, 'not_found')) throw error
  }
  if (draftId !== null) await deps.blobs.discardDraft(draftId)
}
