/** The queries of a scrub: every record of a blob, a page at a time. */

import type { Selectable } from 'kysely'
import type { BlobsTable, Db } from '../../tables.ts'
import type { RecordedBlob } from './remake-media.ts'

const PAGE = 200

/** How many blobs are recorded, and their bytes. */
export async function countBlobs(db: Db): Promise<{ readonly files: number; readonly bytes: number }> {
  const row = await db
    .selectFrom('blobs')
    .select((select) => [
      select.fn.countAll<number | string>().as('files'),
      select.fn.sum<number | string | null>('size_bytes').as('bytes'),
    ])
    .executeTakeFirstOrThrow()
  // PostgreSQL gives counts as text.
  return { files: Number(row.files), bytes: Number(row.bytes ?? 0) }
}

/** The records whose names begin with `folder/`, in order; what is added behind the present one is found, too. */
export async function* listBlobs(db: Db, folder: string): AsyncGenerator<RecordedBlob> {
  // Every name there lies between `folder/` and `folder0`: the next character in ASCII.
  for (let after = `${folder}/`; ; ) {
    const rows = await db
      .selectFrom('blobs')
      .selectAll()
      .where('name', '>', after)
      .where('name', '<', `${folder}0`)
      .orderBy('name')
      .limit(PAGE)
      .execute()
    yield* rows.map(fromRow)
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    after = last.name
  }
}

/** Whether a blob is still recorded: one that is deleted at this moment is not damaged. */
export async function isRecorded(db: Db, name: string): Promise<boolean> {
  const row = await db.selectFrom('blobs').select('name').where('name', '=', name).executeTakeFirst()
  return row !== undefined
}

function fromRow(row: Selectable<BlobsTable>): RecordedBlob {
  return {
    name: row.name,
    videoUid: row.video_uid,
    sizeBytes: row.size_bytes,
    checksums: row.checksums,
  }
}
