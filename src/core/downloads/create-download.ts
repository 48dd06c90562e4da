/** Asking for a file, and deleting one. */

import { type Jobs, PRIORITY } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName, Blobs, Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { getPlanRow, listAddedSounds } from '../timeline/index.ts'
import { requireVideo } from '../videos/index.ts'
import { checkDownloadable, type Download, type DownloadType } from './download.ts'
import { forgetDownload, insertDownload, listDownloads, reopenDownload } from './download-records.ts'

export type DownloadDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
}

/** What a call is about. */
export type DownloadRequest = {
  readonly accountId: string
  readonly uid: string
  readonly type: DownloadType
}

/** What the `build-download` job is told. */
export type BuildPayload = { readonly id: string }

/**
 * Has the file made, unless it is there or being made: then answers how it is. One that could not be made is tried anew.
 * Throws `not_found`, `conflict` or `bad_request`.
 */
export async function createDownload(deps: DownloadDeps, request: DownloadRequest): Promise<Download> {
  const { accountId, uid, type } = request
  return await deps.db.transaction().execute(async (trx) => {
    const video = await requireVideo(trx, uid, accountId)
    const present = await findDownload(trx, uid, type)
    if (present !== undefined && present.state !== 'error') return present
    const plan = (await getPlanRow(trx, uid))?.plan
    checkDownloadable(video, { plan, addedSounds: (await listAddedSounds(trx, uid)).length }, type)
    if (present !== undefined) await forgetDownload(trx, present)
    const download = await insertDownload(trx, deps.clock, { videoUid: uid, type })
    await enqueueDownloads(deps.jobs, trx, uid)
    return download
  })
}

/**
 * Puts the files of a video that are still to be made in the queue. To be called with every change that may have made
 * what they wait for: a rendition that is finished, or one that was given up.
 */
export async function enqueueDownloads(jobs: Jobs, trx: Trx, uid: string): Promise<void> {
  for (const { id, state } of await listDownloads(trx, uid)) {
    if (state !== 'inprogress') continue
    const payload: BuildPayload = { id }
    await jobs.enqueue(trx, {
      kind: 'build-download',
      dedupe: `build-download/${id}`,
      payload,
      videoUid: uid,
      priority: PRIORITY.first,
    })
  }
}

/**
 * Has the finished files of a video made again from what is stored; answers their blobs, to be deleted after the commit.
 * With `only`, the one that has this blob.
 */
export async function remakeDownloads(
  jobs: Jobs,
  trx: Trx,
  uid: string,
  only?: BlobName,
): Promise<readonly BlobName[]> {
  const blobs: BlobName[] = []
  for (const download of await listDownloads(trx, uid)) {
    const { blob } = download
    if (blob === null || (only !== undefined && blob.name !== only)) continue
    await reopenDownload(trx, download)
    blobs.push(blob.name)
  }
  await enqueueDownloads(jobs, trx, uid)
  return blobs
}

/** Deletes the file, also while it is made. Throws `not_found` when there is none. */
export async function deleteDownload(deps: DownloadDeps, request: DownloadRequest): Promise<void> {
  const { accountId, uid, type } = request
  const blob = await deps.db.transaction().execute(async (trx) => {
    await requireVideo(trx, uid, accountId)
    const download = await findDownload(trx, uid, type)
    if (download === undefined) {
      throw new HeadwaterError('not_found', `The video has no download of type ${type}.`, {
        facts: { uid, type },
      })
    }
    await forgetDownload(trx, download)
    return download.blob
  })
  if (blob !== null) await deps.blobs.delete(blob.name)
}

/** The files of a video that were asked for. Throws `not_found` when there is no such video. */
export async function getDownloads(
  db: Db,
  request: Pick<DownloadRequest, 'accountId' | 'uid'>,
): Promise<Download[]> {
  await requireVideo(db, request.uid, request.accountId)
  return await listDownloads(db, request.uid)
}

/** The file of that type, if it was asked for. */
export async function findDownload(db: Db, uid: string, type: DownloadType): Promise<Download | undefined> {
  return (await listDownloads(db, uid)).find((download) => download.type === type)
}
