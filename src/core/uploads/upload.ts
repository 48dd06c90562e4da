/**
 * An upload in progress. Its record says how many bytes are acknowledged, its draft holds them (and perhaps more, after
 * a crash). What a crash may leave: a draft longer than its record (cut back when it is resumed), a draft that no record
 * names (swept), or an upload whose bytes are all here but whose video still waits (finished at the next request, or by
 * `finishStalledUploads`).
 */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { KeyedLock } from '../../lib/keyed-lock.ts'
import type { Jobs } from '../../jobs/job.ts'
import type { Blobs, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'

/** `terminated`: ended by its sender, or because its file declares itself too long. */
export type UploadState = 'receiving' | 'complete' | 'terminated'

export type Upload = {
  /** Last part of the address: the video's uid, or 43 random characters that are the only credential (`direct`). */
  readonly id: string
  readonly accountId: string
  /** null for a partial upload: others are made of it, it is no video by itself (uploads.md §3.6). */
  readonly videoUid: string | null
  /** The address needs no credentials. */
  readonly direct: boolean
  readonly state: UploadState
  readonly lengthBytes: number
  /** Bytes on stable storage and acknowledged. */
  readonly offsetBytes: number
  /** null until the first byte comes, and once there is a source; the bytes of a partial upload stay in their draft. */
  readonly draftId: string | null
  /** Block checksums of the first `offsetBytes` bytes. */
  readonly checksums: Uint8Array
  /** `Upload-Metadata` as sent; null if none. */
  readonly metadata: string | null
  /** `Upload-Concat` as sent; null if none. */
  readonly concat: string | null
  readonly createdUs: number
  /** End of the address's life; after completion, one day after it. Of a partial upload: when its bytes are deleted. */
  readonly expiresUs: number
}

/** What a request names an upload by. */
export type UploadAddress = {
  readonly id: string
  /** Account in the path, whose credentials were checked; null for an address that needs none. */
  readonly accountId: string | null
}

/** What is allowed; from the settings, see `DEFAULT_UPLOAD_LIMITS`. */
export type UploadLimits = {
  /** Allocation in minutes of video of an account that has none of its own; null or 0 = unlimited. */
  readonly storageMinutes: number | null
  /** Room that new uploads must leave on the disk. */
  readonly minFreeBytes: number
  /** Videos downloading, queued or being encoded at a time. */
  readonly videosInWork: number
}

/** The vendor's figures, and room enough for the database to go on. */
export const DEFAULT_UPLOAD_LIMITS: UploadLimits = {
  storageMinutes: null,
  minFreeBytes: 1_073_741_824,
  videosInWork: 120,
}

/** What the upload functions work with. `locks` must be one object for all of them in a process. */
export type UploadDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly locks: KeyedLock
  /**
   * Videos whose bytes arrive in this process at this moment and count as they come (no checksum is awaited): who plays
   * them early may read what is not acknowledged yet.
   */
  readonly receiving: Set<string>
  readonly limits: UploadLimits
  readonly log?: Log
}

/** A request body as it arrives, in batches; the http side makes it. */
export interface UploadBody {
  /** The bytes that came since the last call, 256 KiB or more, fewer beside many bodies and at the end; then `undefined`. */
  next(): Promise<readonly Uint8Array[] | undefined>
  /** Takes a batch back whose bytes are stored; nobody may look at it any more. */
  release(batch: readonly Uint8Array[]): void
  /** Whether all of the body has come (`complete`), more may come (`open`), or it broke off. Final once `next` ended. */
  readonly state: 'open' | 'complete' | 'broken'
  /** Milliseconds the sender has been silent; 0 while it is us who do not read. Infinite when it has gone. */
  silentMs(): number
  /** Ends the body here: `next` gives what has come and then ends, with the state `broken`. */
  stop(): void
}

/** Age that an upload may reach unless its creator says otherwise, and how long its address answers after its end. */
export const DAY_US = 86_400_000_000

/** Whether all its bytes are here and only its last step is missing, which a crash has prevented. */
export function isStalled(upload: Upload): boolean {
  return upload.state === 'receiving' && upload.offsetBytes === upload.lengthBytes
}

/**
 * Throws when the address is dead: `upload_expired` for a day after the expiry or a termination, `not_found` from then
 * on (uploads.md §2.5, §3.7). A stalled upload has arrived in time.
 */
export function checkAlive(upload: Upload, nowUs: number): void {
  if (isStalled(upload)) return
  const over = nowUs >= upload.expiresUs
  const done = upload.state === 'complete' && upload.videoUid !== null
  if ((done && over) || nowUs >= upload.expiresUs + DAY_US) throw noSuchUpload()
  if (upload.state === 'terminated') {
    throw new HeadwaterError('upload_expired', 'this upload has been ended; create a new one')
  }
  if (over) {
    const expiry = new Date(upload.expiresUs / 1000).toUTCString()
    throw new HeadwaterError(
      'upload_expired',
      `this upload could be ${upload.state === 'complete' ? 'used' : 'continued'} until ${expiry}; create a new one`,
    )
  }
}

/** The refusal for an address that names no upload. */
export function noSuchUpload(): HeadwaterError {
  return new HeadwaterError(
    'not_found',
    'There is no such upload; it may have been deleted. Create a new one.',
  )
}
