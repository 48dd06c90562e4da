/** The queries of uploads. Nothing else reads or writes their table, save the deletion of a video. */

import type { Db, Trx } from '../../tables.ts'
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
      created_us: upload.createdUs,
      expires_us: upload.expiresUs,
    })
    .execute()
}

/** The upload, whatever its state; whether its address still lives is for `checkAlive` to say. */
export async function getUpload(db: Db, id: string): Promise<Upload | undefined> {
  const row = await db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
  return (
    row && {
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
      createdUs: row.created_us,
      expiresUs: row.expires_us,
    }
  )
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

/** The upload took its last byte. False when it is gone or was ended meanwhile. */
export async function markComplete(trx: Trx, id: string, expiresUs: number): Promise<boolean> {
  const result = await trx
    .updateTable('uploads')
    .set({ state: 'complete', draft_id: null, expires_us: expiresUs })
    .where('id', '=', id)
    .where('state', '=', 'receiving')
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** The sender ended it; the address answers that for a day. */
export async function markTerminated(db: Db, id: string): Promise<void> {
  await db.updateTable('uploads').set({ state: 'terminated', draft_id: null }).where('id', '=', id).execute()
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
