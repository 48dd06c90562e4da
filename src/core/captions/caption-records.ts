/** The queries of captions. */

import type { Selectable } from 'kysely'
import { HeadwaterError } from '../../lib/failure.ts'
import { canonicalLanguage } from '../../lib/language-tag.ts'
import type { CaptionsTable, Db, Trx } from '../../tables.ts'
import type { Caption } from './caption.ts'

/** A video's captions, sorted by tag. */
export async function listCaptions(db: Db, videoUid: string): Promise<Caption[]> {
  const rows = await db
    .selectFrom('captions')
    .selectAll()
    .where('video_uid', '=', videoUid)
    .orderBy('language')
    .execute()
  return rows.map(fromRow)
}

/** The video's captions of one language, if it has any; `language` in any case. */
export async function findCaption(db: Db, videoUid: string, language: string): Promise<Caption | undefined> {
  const tag = canonicalLanguage(language)
  if (tag === undefined) return undefined
  const row = await db
    .selectFrom('captions')
    .selectAll()
    .where('video_uid', '=', videoUid)
    .where('language', '=', tag)
    .executeTakeFirst()
  return row && fromRow(row)
}

/** The same. Throws `not_found` when there are none. */
export async function requireCaption(db: Db, videoUid: string, language: string): Promise<Caption> {
  const caption = await findCaption(db, videoUid, language)
  if (caption !== undefined) return caption
  throw new HeadwaterError('not_found', `The video has no captions of the language ${language.slice(0, 64)}.`)
}

/** The captions with this id, if they still exist. */
export async function getCaption(db: Db, id: string): Promise<Caption | undefined> {
  const row = await db.selectFrom('captions').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** Adds captions; the video may have none of that language. */
export async function insertCaption(trx: Trx, caption: Caption): Promise<void> {
  await trx
    .insertInto('captions')
    .values({
      id: caption.id,
      video_uid: caption.videoUid,
      language: caption.language,
      generated: caption.generated ? 1 : 0,
      status: caption.status,
      blob: caption.blob,
      failure: caption.failure && JSON.stringify(caption.failure),
    })
    .execute()
}

/** Ends the work on generated captions; false when they were deleted or replaced meanwhile. */
export async function finishCaption(
  trx: Trx,
  id: string,
  end: Pick<Caption, 'status' | 'blob' | 'failure'>,
): Promise<boolean> {
  const rows = await trx
    .updateTable('captions')
    .set({ status: end.status, blob: end.blob, failure: end.failure && JSON.stringify(end.failure) })
    .where('id', '=', id)
    .where('status', '=', 'inprogress')
    .returning('id')
    .execute()
  return rows.length > 0
}

/** Removes captions and the row of their blob; the blob itself is to be deleted after the commit. */
export async function deleteCaptionRow(trx: Trx, caption: Caption): Promise<void> {
  await trx.deleteFrom('captions').where('id', '=', caption.id).execute()
  if (caption.blob !== null) await trx.deleteFrom('blobs').where('name', '=', caption.blob).execute()
}

function fromRow(row: Selectable<CaptionsTable>): Caption {
  return {
    id: row.id,
    videoUid: row.video_uid,
    language: row.language,
    generated: row.generated === 1,
    status: row.status,
    blob: row.blob,
    failure: row.failure === null ? null : (JSON.parse(row.failure) as Caption['failure']),
  }
}
