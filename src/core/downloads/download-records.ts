/** The queries of downloads. They go with their video by their foreign key. */

import type { Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import type { Download, DownloadType } from './download.ts'

/** Adds a file that is to be made. */
export async function insertDownload(
  trx: Trx,
  clock: Clock,
  given: { readonly videoUid: string; readonly type: DownloadType },
): Promise<Download> {
  const download: Download = {
    id: clock.newUid(),
    ...given,
    state: 'inprogress',
    percentComplete: 0,
    blob: null,
  }
  await trx
    .insertInto('downloads')
    .values({
      id: download.id,
      video_uid: download.videoUid,
      type: download.type,
      state: download.state,
      percent_complete: 0,
      blob: null,
      created_us: clock.nowUs(),
    })
    .execute()
  return download
}

/** The download with that id, unless it or its video was deleted. */
export async function getDownload(db: Db, id: string): Promise<Download | undefined> {
  const row = await selectDownloads(db).where('downloads.id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** What a video has of them, `default` last. */
export async function listDownloads(db: Db, uid: string): Promise<Download[]> {
  const rows = await selectDownloads(db)
    .where('downloads.video_uid', '=', uid)
    .orderBy('downloads.type')
    .execute()
  return rows.map(fromRow)
}

/** Raises how far a file is that is being made. False when it was deleted meanwhile. */
export async function saveDownloadProgress(db: Db, id: string, percentComplete: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('downloads')
    .set({ percent_complete: percentComplete })
    .where('id', '=', id)
    .where('state', '=', 'inprogress')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The file is there. False when it was deleted while it was made. */
export async function finishDownload(trx: Trx, id: string, blob: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('downloads')
    .set({ state: 'ready', percent_complete: 100, blob })
    .where('id', '=', id)
    .where('state', '=', 'inprogress')
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Those of a video that are still to be made will not be; with an `id`, only that one. */
export async function failDownloads(db: Db, uid: string, id?: string): Promise<void> {
  await db
    .updateTable('downloads')
    .set({ state: 'error' })
    .where('video_uid', '=', uid)
    .where('state', '=', 'inprogress')
    .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
    .execute()
}

/** Forgets a download and its blob; the blob itself is deleted by the caller, after the commit. */
export async function forgetDownload(trx: Trx, download: Download): Promise<void> {
  await trx.deleteFrom('downloads').where('id', '=', download.id).execute()
  if (download.blob === null) return
  await trx.deleteFrom('blobs').where('name', '=', download.blob.name).execute()
}

/** Forgets the finished file of a download, which is to be made again; the blob itself is deleted by the caller. */
export async function reopenDownload(trx: Trx, { id, blob }: Download): Promise<void> {
  await trx
    .updateTable('downloads')
    .set({ state: 'inprogress', percent_complete: 0, blob: null })
    .where('id', '=', id)
    .execute()
  if (blob !== null) await trx.deleteFrom('blobs').where('name', '=', blob.name).execute()
}

function selectDownloads(db: Db) {
  return db
    .selectFrom('downloads')
    .leftJoin('blobs', 'blobs.name', 'downloads.blob')
    .select([
      'downloads.id',
      'downloads.video_uid',
      'downloads.type',
      'downloads.state',
      'downloads.percent_complete',
      'blobs.name as blob_name',
      'blobs.size_bytes as blob_bytes',
    ])
}

type DownloadRow = {
  readonly id: string
  readonly video_uid: string
  readonly type: DownloadType
  readonly state: Download['state']
  readonly percent_complete: number
  readonly blob_name: string | null
  readonly blob_bytes: number | null
}

function fromRow(row: DownloadRow): Download {
  return {
    id: row.id,
    videoUid: row.video_uid,
    type: row.type,
    state: row.state,
    percentComplete: row.percent_complete,
    blob: row.blob_name === null ? null : { name: row.blob_name, sizeBytes: row.blob_bytes ?? 0 },
  }
}
