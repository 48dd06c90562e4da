/** What a new upload must leave room for (uploads.md §7, §8): videos in work, storage minutes, the disk. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Db } from '../../tables.ts'
import { checkStorage, countInWork } from '../videos/index.ts'
import type { UploadDeps } from './upload.ts'

/**
 * Throws `too_many_videos` or `storage_exhausted`. Call it in the transaction that inserts the video, so that two
 * uploads cannot both take the last place.
 */
export async function checkUploadLimits(
  deps: Pick<UploadDeps, 'clock' | 'limits'>,
  db: Db,
  request: { accountId: string; reserveSeconds: number },
): Promise<void> {
  const { videosInWork, storageMinutes } = deps.limits
  const inWork = await countInWork(db, request.accountId)
  if (inWork >= videosInWork) {
    throw new HeadwaterError(
      'too_many_videos',
      `${inWork} videos are being processed and at most ${videosInWork} may be at a time; try again when some are ready.`,
      { facts: { inWork, videosInWork, retryAfterSeconds: 30 } },
    )
  }
  await checkStorage(db, {
    accountId: request.accountId,
    nowUs: deps.clock.nowUs(),
    storageMinutes,
    addSeconds: request.reserveSeconds,
  })
}

/** Throws `disk_full` when storing `sizeBytes` more would leave less than the room to be kept free. */
export async function checkRoomOnDisk(
  deps: Pick<UploadDeps, 'blobs'> & { readonly limits: Pick<UploadDeps['limits'], 'minFreeBytes'> },
  sizeBytes: number,
): Promise<void> {
  const freeBytes = await deps.blobs.freeBytes()
  if (freeBytes === undefined || freeBytes - sizeBytes >= deps.limits.minFreeBytes) return
  throw new HeadwaterError(
    'disk_full',
    `The server has ${formatGib(freeBytes)} free and keeps ${formatGib(deps.limits.minFreeBytes)} of that, so it cannot take ${formatGib(sizeBytes)}; make room or lower HEADWATER_MIN_FREE_BYTES.`,
    { facts: { freeBytes, minFreeBytes: deps.limits.minFreeBytes, sizeBytes } },
  )
}

function formatGib(bytes: number): string {
  return `${(bytes / 1_073_741_824).toFixed(2)} GiB`
}
