/** The queries of concatenations: sources that are being put together from partial uploads. */

import type { Db, Trx } from '../../tables.ts'
import type { Upload } from './upload.ts'
import { readUpload, type StoredBytes } from './upload-records.ts'

/** How far a concatenation has come. */
export type Concatenation = StoredBytes & {
  readonly videoUid: string
  readonly lengthBytes: number
  /** null until the first byte is copied. */
  readonly draftId: string | null
  /** In order. Their bytes are kept as long as the concatenation names them. */
  readonly parts: readonly Upload[]
}

/** Adds one, in the transaction that found the parts complete: from then on their bytes stay. */
export async function insertConcatenation(
  trx: Trx,
  work: { readonly videoUid: string; readonly lengthBytes: number; readonly parts: readonly Upload[] },
): Promise<void> {
  const { videoUid, lengthBytes, parts } = work
  await trx
    .insertInto('concatenations')
    .values({
      video_uid: videoUid,
      length_bytes: lengthBytes,
      offset_bytes: 0,
      draft_id: null,
      checksums: new Uint8Array(0),
    })
    .execute()
  const rows = parts.map((part, position) => ({ video_uid: videoUid, position, upload_id: part.id }))
  await trx.insertInto('concatenation_parts').values(rows).execute()
}

/** The concatenation of a video; undefined when it is done or its video deleted. */
export async function getConcatenation(db: Db, videoUid: string): Promise<Concatenation | undefined> {
  const row = await db
    .selectFrom('concatenations')
    .selectAll()
    .where('video_uid', '=', videoUid)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const parts = await db
    .selectFrom('concatenation_parts')
    .innerJoin('uploads', 'uploads.id', 'concatenation_parts.upload_id')
    .selectAll('uploads')
    .where('concatenation_parts.video_uid', '=', videoUid)
    .orderBy('concatenation_parts.position')
    .execute()
  return {
    videoUid,
    lengthBytes: row.length_bytes,
    offsetBytes: row.offset_bytes,
    checksums: row.checksums,
    draftId: row.draft_id,
    parts: parts.map(readUpload),
  }
}

/** Names the draft and what of it is on stable storage. False when the concatenation is done or gone. */
export async function saveProgress(
  db: Db,
  videoUid: string,
  progress: StoredBytes & { readonly draftId: string },
): Promise<boolean> {
  const result = await db
    .updateTable('concatenations')
    .set({
      draft_id: progress.draftId,
      offset_bytes: progress.offsetBytes,
      checksums: progress.checksums,
    })
    .where('video_uid', '=', videoUid)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Forgets it and lets its parts go. False when there was none. */
export async function deleteConcatenation(trx: Trx, videoUid: string): Promise<boolean> {
  const result = await trx.deleteFrom('concatenations').where('video_uid', '=', videoUid).executeTakeFirst()
  return result.numDeletedRows > 0n
}

/**
 * The upload that an equal request has made (same parts, metadata and creator), if its address is alive and its video
 * has not failed.
 */
export async function findEqualFinal(
  db: Db,
  wanted: Pick<Upload, 'accountId' | 'concat' | 'direct' | 'metadata'> & {
    readonly creator: string | null
    readonly nowUs: number
  },
): Promise<Upload | undefined> {
  const row = await db
    .selectFrom('uploads')
    .innerJoin('videos', 'videos.uid', 'uploads.video_uid')
    .selectAll('uploads')
    .where('uploads.concat', '=', wanted.concat)
    .where('uploads.account_id', '=', wanted.accountId)
    .where('uploads.direct', '=', wanted.direct ? 1 : 0)
    .where('uploads.metadata', wanted.metadata === null ? 'is' : '=', wanted.metadata)
    .where('videos.creator', wanted.creator === null ? 'is' : '=', wanted.creator)
    .where('videos.state', '!=', 'error')
    .where('uploads.state', '=', 'complete')
    .where('uploads.expires_us', '>', wanted.nowUs)
    .orderBy('uploads.created_us')
    .executeTakeFirst()
  return row && readUpload(row)
}
