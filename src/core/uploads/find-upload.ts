/** Looking an upload up, and finishing one that a crash has stopped at its last step. */

import { isFailure } from '../../lib/failure.ts'
import type { Hold } from '../../lib/keyed-lock.ts'
import type { Log } from '../../lib/log.ts'
import { finishUpload } from './complete-upload.ts'
import { holdUpload, isUploadHeld, SILENT_MS, type Sender, senderSilentMs } from './hold-upload.ts'
import {
  checkAlive,
  isStalled,
  noSuchUpload,
  type Upload,
  type UploadAddress,
  type UploadDeps,
} from './upload.ts'
import { getUpload, listStalled } from './upload-records.ts'

/**
 * The upload behind an address, with its committed offset: for HEAD. A dead sender is ended first, so that its bytes
 * count; a lively one is not waited for. Throws `not_found`, `upload_expired`.
 */
export async function findUpload(
  deps: UploadDeps,
  address: UploadAddress,
  options: { signal?: AbortSignal } = {},
): Promise<Upload> {
  const silentMs = senderSilentMs(deps, address.id)
  const record = await requireAlive(deps, address)
  const dead = silentMs !== undefined && silentMs >= SILENT_MS
  if (!dead && (silentMs !== undefined || !isStalled(record))) return record
  try {
    const { upload, hold } = await takeUpload(deps, address, options)
    hold.release()
    return upload
  } catch (error) {
    // HEAD is never refused for that: the disk takes long over what the dead sender brought, or others came first.
    if (isFailure(error, 'upload_locked')) return requireAlive(deps, address)
    throw error
  }
}

/**
 * The same for a request that will change the upload, and holds it until it releases it. While another one does, the record is
 * asked before that: who cannot go on anyway must not end whoever is sending. Throws `not_found`, `upload_expired`,
 * `upload_locked`.
 */
export async function takeUpload(
  deps: UploadDeps,
  address: UploadAddress,
  options: { body?: Sender; signal?: AbortSignal },
): Promise<{ readonly upload: Upload; readonly hold: Hold }> {
  if (isUploadHeld(deps, address.id)) await requireAlive(deps, address)
  const hold = await holdUpload(deps, address.id, options)
  try {
    return { upload: await loadUpload(deps, address), hold }
  } catch (error) {
    hold.release()
    throw error
  }
}

/** For the holder of the upload's lock: an upload that has all its bytes is finished first. */
async function loadUpload(deps: UploadDeps, address: UploadAddress): Promise<Upload> {
  const record = await requireAlive(deps, address)
  return isStalled(record) ? finishUpload(deps, record) : record
}

/**
 * Finishes the uploads that a crash stopped between their last committed byte and their last transaction and whose
 * sender has not come back. To be called after a start, before the sweep (which takes a source without a row for a
 * leftover), and now and then. Answers how many there were; one that cannot be finished is logged and left.
 */
export async function finishStalledUploads(deps: UploadDeps & { log: Log }): Promise<number> {
  let finished = 0
  for (const id of await listStalled(deps.db)) {
    // A sender that is still there finishes it by itself.
    if (senderSilentMs(deps, id) !== undefined) continue
    try {
      if (await finishStalled(deps, id)) finished += 1
    } catch (err) {
      deps.log.error({ err }, 'an upload has all its bytes but could not be finished')
    }
  }
  return finished
}

async function finishStalled(deps: UploadDeps & { log: Log }, id: string): Promise<boolean> {
  const hold = await holdUpload(deps, id, {})
  try {
    const record = await getUpload(deps.db, id)
    if (!record || !isStalled(record)) return false
    await finishUpload(deps, record)
    deps.log.info({ uid: record.videoUid }, 'finished an upload that a crash had stopped at its last step')
    return true
  } finally {
    hold.release()
  }
}

/** The record behind an address. Throws `not_found`, `upload_expired`. */
async function requireAlive(deps: Pick<UploadDeps, 'db' | 'clock'>, address: UploadAddress): Promise<Upload> {
  const record = await getUpload(deps.db, address.id)
  const fits = record?.direct ? address.accountId === null : address.accountId === record?.accountId
  if (!record || !fits) throw noSuchUpload()
  checkAlive(record, deps.clock.nowUs())
  return record
}
