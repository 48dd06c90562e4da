/** Watermark profiles, and which of them videos have; `src/tables.ts` says what the columns mean. */

import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const watermarks: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, integer, real, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('watermarks')
      .addColumn('uid', text, (column) => column.primaryKey().notNull())
      .addColumn('account_id', text, (column) => column.notNull())
      .addColumn('name', text, (column) => column.notNull())
      .addColumn('opacity', real, (column) => column.notNull())
      .addColumn('padding', real, (column) => column.notNull())
      .addColumn('scale', real, (column) => column.notNull())
      .addColumn('position', text, (column) => column.notNull())
      .addColumn('size_bytes', integer, (column) => column.notNull())
      .addColumn('width', integer, (column) => column.notNull())
      .addColumn('height', integer, (column) => column.notNull())
      .addColumn('downloaded_from', text)
      .addColumn('image_blob', text, (column) => column.notNull().unique())
      .addColumn('created_us', integer, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute()
    await db.schema
      .createIndex('watermarks_by_account')
      .on('watermarks')
      .columns(['account_id', 'created_us'])
      .execute()
    await db.schema.alterTable('videos').addColumn('watermark', text).execute()
    await db.schema.alterTable('videos').addColumn('watermark_blob', text).execute()
    // Few videos have one.
    await sql`create index videos_by_watermark on videos (watermark_blob) where watermark_blob is not null`.execute(
      db,
    )
  },
}
