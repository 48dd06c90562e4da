/** Files to download, made on request. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const downloads: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, integer, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('downloads')
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('video_uid', text, (column) => column.notNull().references('videos.uid').onDelete('cascade'))
      .addColumn('type', text, (column) => column.notNull())
      .addColumn('state', text, (column) => column.notNull())
      .addColumn('percent_complete', integer, (column) => column.notNull())
      .addColumn('blob', text)
      .addColumn('created_us', integer, (column) => column.notNull())
      .addUniqueConstraint('downloads_by_video', ['video_uid', 'type'])
      .modifyEnd(tableEnd)
      .execute()
  },
}
