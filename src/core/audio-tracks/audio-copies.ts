/** The queries of the files of audio tracks that are being fetched. */

import type { Db, Trx } from '../../tables.ts'
import {
  changedFileColumns,
  type FetchedFile,
  type FileChanges,
  fileFromRow,
  newFileColumns,
} from '../copy/index.ts'

/** Adds a file of which nothing is here. */
export async function insertAudioCopy(trx: Trx, trackUid: string, url: string): Promise<void> {
  await trx
    .insertInto('audio_copies')
    .values({ track_uid: trackUid, ...newFileColumns(url) })
    .execute()
}

/** The file, unless its fetching has ended or its track was deleted. */
export async function getAudioCopy(db: Db, trackUid: string): Promise<FetchedFile | undefined> {
  const row = await db
    .selectFrom('audio_copies')
    .selectAll()
    .where('track_uid', '=', trackUid)
    .executeTakeFirst()
  return row && fileFromRow(row)
}

/** Writes `changes` down. False when there is nothing to write it to any more. */
export async function updateAudioCopy(db: Db, trackUid: string, changes: FileChanges): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('audio_copies')
    .set(changedFileColumns(changes))
    .where('track_uid', '=', trackUid)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Ends the fetching; answers the draft that is nobody's then. */
export async function deleteAudioCopy(trx: Trx, trackUid: string): Promise<string | null> {
  const row = await trx
    .deleteFrom('audio_copies')
    .where('track_uid', '=', trackUid)
    .returning('draft_id')
    .executeTakeFirst()
  return row?.draft_id ?? null
}
