/** Captions of videos; `src/tables.ts` says what the columns mean. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const captions: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, integer, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('captions')
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('video_uid', text, (column) => column.notNull().references('videos.uid').onDelete('cascade'))
      .addColumn('language', text, (column) => column.notNull())
      .addColumn('generated', integer, (column) => column.notNull())
      .addColumn('status', text, (column) => column.notNull())
      .addColumn('blob', text)
      .addUniqueConstraint('captions_language', ['video_uid', 'language'])
      .modifyEnd(tableEnd)
      .execute()
  },
}
