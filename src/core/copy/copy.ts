/**
 * A copy: a video whose file is fetched from a URL (uploads.md §6). Its record says where from and how many bytes of it
 * are on stable storage, its draft holds them (and perhaps more, after a crash), a job of the kind `download` works on
 * it. What a crash may leave: a draft longer than its record (cut back when it is resumed), a draft that no record names
 * (swept), or a published source that the job takes up when it is claimed again.
 */

import type { Jobs } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { KeyedLock } from '../../lib/keyed-lock.ts'
import type { Log } from '../../lib/log.ts'
import type { Blobs, Clock, Fetcher } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import type { UploadLimits } from '../uploads/index.ts'

/** Kind of the jobs that fetch, named like the state of their videos. (`core/downloads` makes files to be kept.) */
export const FETCH_KIND = 'download'

/** A file that is fetched from a URL, and how much of it is here. */
export type FetchedFile = {
  /** May hold a password: to be shown to nobody. */
  readonly url: string
  /** For `If-Range`; null: what is here cannot be continued. */
  readonly validator: string | null
  /** null until the origin says it. */
  readonly lengthBytes: number | null
  /** Bytes on stable storage. */
  readonly offsetBytes: number
  readonly draftId: string | null
  /** Block checksums of the first `offsetBytes` bytes. */
  readonly checksums: Uint8Array
}

/** One of which all bytes are here. */
export type WholeFile = FetchedFile & { readonly lengthBytes: number }

/** What of a file changes while it is fetched. */
export type FileChanges = Partial<Omit<FetchedFile, 'url'>>

/** The file of a video. */
export type Copy = FetchedFile & { readonly videoUid: string }

/** What creating one takes. */
export type CopyDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly limits: UploadLimits
}

/** What fetching a file takes. */
export type FetchDeps = {
  readonly blobs: Blobs
  readonly clock: Clock
  readonly fetcher: Fetcher
  readonly limits: UploadLimits
  readonly log: Log
}

/** What fetching the source of a video takes. */
export type FetchSourceDeps = CopyDeps &
  FetchDeps & {
    /** One object for all copies of a process. */
    readonly locks: KeyedLock
  }

/** Whether all bytes are here. */
export function isWhole(file: FetchedFile): file is WholeFile {
  return file.lengthBytes !== null && file.offsetBytes === file.lengthBytes
}

/** Thrown when that for which a file is fetched was deleted meanwhile. */
export function noSuchCopy(): HeadwaterError {
  return new HeadwaterError('not_found', 'It was deleted while its file was downloaded.')
}
