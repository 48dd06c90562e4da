/**
 * Which blobs are still needed. Clips name the blobs of the video they were cut from, so a blob goes only when the last
 * row that names it is gone: deleting, giving up and sweeping all ask here. Rows change in the transaction; blobs are
 * deleted after it, and what a crash leaves in between has no row, so that the sweep removes it.
 */

import type { BlobName } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'

/** Names looked up at a time: databases bound the values of a statement. */
const BATCH = 200

/** Those of `names` that a plan, a rendition or a chunk names, each with one of the videos that do. */
async function findUsers(db: Db, names: readonly BlobName[]): Promise<Map<BlobName, string>> {
  const users = new Map<BlobName, string>()
  for (let first = 0; first < names.length; first += BATCH) {
    const some = names.slice(first, first + BATCH)
    const rows = await db
      .selectFrom('plans')
      .select(['video_uid', 'media_blob as name'])
      .where('media_blob', 'in', some)
      .$castTo<{ video_uid: string; name: BlobName | null }>()
      .unionAll(
        db.selectFrom('plans').select(['video_uid', 'index_blob as name']).where('index_blob', 'in', some),
      )
      .unionAll(
        db.selectFrom('renditions').select(['video_uid', 'init_blob as name']).where('init_blob', 'in', some),
      )
      .unionAll(db.selectFrom('chunks').select(['video_uid', 'blob as name']).where('blob', 'in', some))
      .execute()
    for (const { video_uid, name } of rows) if (name !== null) users.set(name, video_uid)
  }
  return users
}

/** Those of `names` that a row names. */
export async function blobsInUse(db: Db, names: readonly BlobName[]): Promise<ReadonlySet<BlobName>> {
  const inUse = new Set((await findUsers(db, names)).keys())
  for (let first = 0; first < names.length; first += BATCH) {
    const some = names.slice(first, first + BATCH)
    const rows = await db.selectFrom('blobs').select('name').where('name', 'in', some).execute()
    for (const { name } of rows) inUse.add(name)
  }
  return inUse
}

/**
 * Lets go of blobs whose rows in plans, renditions and chunks were removed in this transaction: a blob that another
 * video names becomes that video's, the row of any other goes. Answers those to be deleted after the commit.
 */
export async function releaseBlobs(trx: Trx, names: readonly BlobName[]): Promise<BlobName[]> {
  const users = await findUsers(trx, names)
  for (const [name, user] of users) {
    await trx.updateTable('blobs').set({ video_uid: user }).where('name', '=', name).execute()
  }
  const unused = names.filter((name) => !users.has(name))
  for (let first = 0; first < unused.length; first += BATCH) {
    const some = unused.slice(first, first + BATCH)
    await trx.deleteFrom('blobs').where('name', 'in', some).execute()
  }
  return unused
}
