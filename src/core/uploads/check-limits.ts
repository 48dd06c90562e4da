/** What a new upload must leave room for (uploads.md §7, §8): videos in work, storage minutes, the disk. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Db } from '../../tables.ts'
import { countInWork, storageUsage } from '../videos/index.ts'
import { LONGEST_SECONDS, type UploadDeps } from './upload.ts'
import { reservedSeconds } from './upload-records.ts'

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
  if (storageMinutes === null || storageMinutes === 0) return
  const usage = await storageUsage(db, request.accountId)
  const promised = await reservedSeconds(db, request.accountId, {
    nowUs: deps.clock.nowUs(),
    defaultSeconds: LONGEST_SECONDS,
  })
  const usedMinutes = usage.totalStorageMinutes + promised / 60
  if (usedMinutes + request.reserveSeconds / 60 > storageMinutes) {
    throw new HeadwaterError(
      'storage_exhausted',
      `${roundMinutes(usedMinutes)} of ${storageMinutes} minutes are in use or reserved, ${roundMinutes(request.reserveSeconds / 60)} more are asked for; delete videos or raise the limit.`,
      { facts: { usedMinutes: roundMinutes(usedMinutes), allocatedMinutes: storageMinutes } },
    )
  }
}

/** Throws `disk_full` when storing `sizeBytes` more would leave less than the room to be kept free. */
export async function checkRoomOnDisk(
  deps: Pick<UploadDeps, 'blobs' | 'limits'>,
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

function roundMinutes(minutes: number): number {
  return Math.round(minutes * 100) / 100
}

function formatGib(bytes: number): string {
  return `${(bytes / 1_073_741_824).toFixed(2)} GiB`
}
