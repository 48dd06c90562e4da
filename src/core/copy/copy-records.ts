/** The queries of copies. Nothing else reads or writes their table, save the deletion of a video and the sweep. */

import type { Db, Trx } from '../../tables.ts'
import type { Copy, FileChanges } from './copy.ts'
import { changedFileColumns, fileFromRow, newFileColumns } from './file-columns.ts'

/** Adds a copy of which nothing is here, in the transaction that adds its video. */
export async function insertCopy(trx: Trx, copy: { videoUid: string; url: string }): Promise<void> {
  await trx
    .insertInto('copies')
    .values({ video_uid: copy.videoUid, ...newFileColumns(copy.url) })
    .execute()
}

/** The copy, unless it has ended or its video was deleted. */
export async function getCopy(db: Db, uid: string): Promise<Copy | undefined> {
  const row = await db.selectFrom('copies').selectAll().where('video_uid', '=', uid).executeTakeFirst()
  return row && { videoUid: row.video_uid, ...fileFromRow(row) }
}

/** Writes `changes` down. False when the copy has ended or its video was deleted. */
export async function updateCopy(db: Db, uid: string, changes: FileChanges): Promise<boolean> {
  const result = await db
    .updateTable('copies')
    .set(changedFileColumns(changes))
    .where('video_uid', '=', uid)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Ends the copy. False when that has been done. */
export async function deleteCopy(trx: Trx, uid: string): Promise<boolean> {
  const result = await trx.deleteFrom('copies').where('video_uid', '=', uid).executeTakeFirst()
  return result.numDeletedRows > 0n
}
