/** The queries of uploads. Nothing else reads or writes their table, save the deletion of a video. */

import type { Selectable } from 'kysely'
import type { Db, Trx, UploadsTable } from '../../tables.ts'
import type { Upload } from './upload.ts'

/** Bytes and checksums that are stored; what a commit moves forward. */
export type StoredBytes = { readonly offsetBytes: number; readonly checksums: Uint8Array }

/** Adds an upload, in the transaction that adds its video. */
export async function insertUpload(trx: Trx, upload: Upload): Promise<void> {
  await trx
    .insertInto('uploads')
    .values({
      id: upload.id,
      account_id: upload.accountId,
      video_uid: upload.videoUid,
      direct: upload.direct ? 1 : 0,
      state: upload.state,
      length_bytes: upload.lengthBytes,
      offset_bytes: upload.offsetBytes,
      draft_id: upload.draftId,
      checksums: upload.checksums,
      metadata: upload.metadata,
      concat: upload.concat,
      created_us: upload.createdUs,
      expires_us: upload.expiresUs,
    })
    .execute()
}

/** The upload, whatever its state; whether its address still lives is for `checkAlive` to say. */
export async function getUpload(db: Db, id: string): Promise<Upload | undefined> {
  const row = await db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
  return row && readUpload(row)
}

/** Those of `ids` that exist, in no order. */
export async function listUploads(db: Db, ids: readonly string[]): Promise<readonly Upload[]> {
  const rows = await db.selectFrom('uploads').selectAll().where('id', 'in', ids).execute()
  return rows.map(readUpload)
}

/** A row of the table as an upload. */
export function readUpload(row: Selectable<UploadsTable>): Upload {
  return {
    id: row.id,
    accountId: row.account_id,
    videoUid: row.video_uid,
    direct: row.direct === 1,
    state: row.state,
    lengthBytes: row.length_bytes,
    offsetBytes: row.offset_bytes,
    draftId: row.draft_id,
    checksums: row.checksums,
    metadata: row.metadata,
    concat: row.concat,
    createdUs: row.created_us,
    expiresUs: row.expires_us,
  }
}

/** The draft in which a video's source is arriving; undefined when it is not, or nothing of it has come. */
export async function findArriving(
  db: Db,
  videoUid: string,
): Promise<{ draftId: string; offsetBytes: number; lengthBytes: number } | undefined> {
  const row = await db
    .selectFrom('uploads')
    .select(['draft_id', 'offset_bytes', 'length_bytes'])
    .where('video_uid', '=', videoUid)
    .where('state', '=', 'receiving')
    .executeTakeFirst()
  if (row === undefined || row.draft_id === null) return undefined
  return { draftId: row.draft_id, offsetBytes: row.offset_bytes, lengthBytes: row.length_bytes }
}

/** Names the draft before its first byte, so that the sweep knows whose it is. False when the upload is gone. */
export async function setDraft(db: Db, id: string, draftId: string): Promise<boolean> {
  const result = await db
    .updateTable('uploads')
    .set({ draft_id: draftId })
    .where('id', '=', id)
    .where('state', '=', 'receiving')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Moves the acknowledged offset. False when the upload is gone, ended, or no longer at `fromBytes`. */
export async function commitOffset(
  db: Db,
  id: string,
  fromBytes: number,
  stored: StoredBytes,
): Promise<boolean> {
  const result = await db
    .updateTable('uploads')
    .set({ offset_bytes: stored.offsetBytes, checksums: stored.checksums })
    .where('id', '=', id)
    .where('state', '=', 'receiving')
    .where('offset_bytes', '=', fromBytes)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/**
 * The upload took its last byte; its draft is now a source, or stays its draft. False when it is gone or was ended
 * meanwhile.
 */
export async function markComplete(
  db: Db,
  id: string,
  end: { readonly expiresUs: number; readonly draftId: string | null },
): Promise<boolean> {
  const result = await db
    .updateTable('uploads')
    .set({ state: 'complete', draft_id: end.draftId, expires_us: end.expiresUs })
    .where('id', '=', id)
    .where('state', '=', 'receiving')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/**
 * The sender ended it; the address answers that for a day. The draft stays named while a concatenation needs its bytes.
 */
export async function markTerminated(db: Db, id: string): Promise<void> {
  await db.updateTable('uploads').set({ state: 'terminated' }).where('id', '=', id).execute()
}

/** Takes the draft from an upload that ended, unless its bytes are still needed; answers the draft, to be discarded. */
export async function takeDraft(db: Db, id: string): Promise<string | null> {
  const upload = await getUpload(db, id)
  const result = await db
    .updateTable('uploads')
    .set({ draft_id: null, offset_bytes: 0, checksums: new Uint8Array(0) })
    .where('id', '=', id)
    .where('id', 'not in', (parts) => parts.selectFrom('concatenation_parts').select('upload_id'))
    .executeTakeFirst()
  return result.numUpdatedRows > 0n ? (upload?.draftId ?? null) : null
}

/**
 * Uploads (or this one) that hold bytes, have expired or been ended, and are needed by no concatenation. One that has
 * all its bytes and only waits for its last step has arrived in time.
 */
export async function listSpent(db: Db, nowUs: number, id?: string): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('uploads')
    .select('id')
    .$if(id !== undefined, (query) => query.where('id', '=', id ?? ''))
    .where('draft_id', 'is not', null)
    .where((where) => where.or([where('expires_us', '<=', nowUs), where('state', '=', 'terminated')]))
    .where((where) =>
      where.or([where('state', '!=', 'receiving'), where('offset_bytes', '<', where.ref('length_bytes'))]),
    )
    .where('id', 'not in', (parts) => parts.selectFrom('concatenation_parts').select('upload_id'))
    .execute()
  return rows.map((row) => row.id)
}

/** Forgets an upload whose address nobody knows. */
export async function deleteUpload(db: Db, id: string): Promise<void> {
  await db.deleteFrom('uploads').where('id', '=', id).execute()
}

/** Uploads whose bytes are all acknowledged but which a crash kept from being finished. */
export async function listStalled(db: Db): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('uploads')
    .select('id')
    .where('state', '=', 'receiving')
    .whereRef('offset_bytes', '=', 'length_bytes')
    .execute()
  return rows.map((row) => row.id)
}
