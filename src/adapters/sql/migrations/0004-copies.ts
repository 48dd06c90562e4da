/** Downloads in progress: where a video's file comes from, and how much of it is here. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const copies: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, integer, bytes, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('copies')
      .addColumn('video_uid', text, (column) =>
        column.primaryKey().notNull().references('videos.uid').onDelete('cascade'),
      )
      .addColumn('url', text, (column) => column.notNull())
      .addColumn('validator', text)
      .addColumn('length_bytes', integer)
      .addColumn('offset_bytes', integer, (column) => column.notNull())
      .addColumn('draft_id', text)
      .addColumn('checksums', bytes, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute()
  },
}
