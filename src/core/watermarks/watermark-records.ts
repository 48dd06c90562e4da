/** The queries of watermark profiles, and who still needs their images. */

import type { Selectable } from 'kysely'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobName } from '../../ports.ts'
import type { Db, Trx, WatermarksTable } from '../../tables.ts'
import { MOST_WATERMARKS, type Position, type Watermark } from './watermark.ts'

/** The account's profiles, newest first. */
export async function listWatermarks(db: Db, accountId: string): Promise<Watermark[]> {
  const rows = await db
    .selectFrom('watermarks')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_us', 'desc')
    .orderBy('uid')
    .execute()
  return rows.map(fromRow)
}

/** The account's profile. Throws `not_found`. */
export async function requireWatermark(db: Db, accountId: string, uid: string): Promise<Watermark> {
  const row = await db
    .selectFrom('watermarks')
    .selectAll()
    .where('uid', '=', uid)
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  if (row !== undefined) return fromRow(row)
  throw new HeadwaterError('not_found', `There is no watermark profile ${uid.slice(0, 64)}.`)
}

/**
 * What a new video's `watermark` is: the profile it names, or none. To be called in the transaction that adds the video,
 * so that the image is never without an owner. Throws `not_found`.
 */
export async function findMarkOf(
  trx: Trx,
  accountId: string,
  uid: string | undefined,
): Promise<Watermark | null> {
  return uid === undefined ? null : await requireWatermark(trx, accountId, uid)
}

/** Throws `too_many_watermarks` when the account can have no further one. */
export async function checkWatermarkCount(db: Db, accountId: string): Promise<void> {
  const { count } = await db
    .selectFrom('watermarks')
    .select((select) => select.fn.countAll<number | string>().as('count'))
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  // PostgreSQL gives counts as text.
  if (Number(count) < MOST_WATERMARKS) return
  throw new HeadwaterError(
    'too_many_watermarks',
    `An account may have ${MOST_WATERMARKS} watermark profiles; delete one first, videos keep their mark.`,
  )
}

/** Adds a profile. Throws `too_many_watermarks`. */
export async function insertWatermark(trx: Trx, accountId: string, watermark: Watermark): Promise<void> {
  await checkWatermarkCount(trx, accountId)
  await trx
    .insertInto('watermarks')
    .values({
      uid: watermark.uid,
      account_id: accountId,
      name: watermark.name,
      opacity: watermark.opacity,
      padding: watermark.padding,
      scale: watermark.scale,
      position: watermark.position,
      size_bytes: watermark.sizeBytes,
      width: watermark.width,
      height: watermark.height,
      downloaded_from: watermark.downloadedFrom,
      image_blob: watermark.imageBlob,
      created_us: watermark.createdUs,
    })
    .execute()
}

/** Removes a profile; the image stays where it is. */
export async function deleteWatermarkRow(trx: Trx, uid: string): Promise<void> {
  await trx.deleteFrom('watermarks').where('uid', '=', uid).execute()
}

/** Those of `names` that a profile or a video names: images that must stay. */
export async function imagesInUse(db: Db, names: readonly BlobName[]): Promise<readonly BlobName[]> {
  if (names.length === 0) return []
  const rows = await db
    .selectFrom('watermarks')
    .select('image_blob as name')
    .where('image_blob', 'in', names)
    .$castTo<{ name: string | null }>()
    .unionAll(
      db
        .selectFrom('videos')
        .select('watermark_blob as name')
        .distinct()
        .where('watermark_blob', 'in', names),
    )
    .execute()
  return rows.flatMap(({ name }) => name ?? [])
}

/** Every image that a profile or a video names. */
export async function listImages(db: Db): Promise<BlobName[]> {
  const rows = await db
    .selectFrom('watermarks')
    .select('image_blob as name')
    .$castTo<{ name: string | null }>()
    .union(db.selectFrom('videos').select('watermark_blob as name').where('watermark_blob', 'is not', null))
    .execute()
  return rows.flatMap(({ name }) => name ?? [])
}

function fromRow(row: Selectable<WatermarksTable>): Watermark {
  return {
    uid: row.uid,
    name: row.name,
    opacity: row.opacity,
    padding: row.padding,
    scale: row.scale,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this file writes the column
    position: row.position as Position,
    sizeBytes: row.size_bytes,
    width: row.width,
    height: row.height,
    downloadedFrom: row.downloaded_from,
    createdUs: row.created_us,
    imageBlob: row.image_blob,
  }
}
