/** One-time form links; `src/tables.ts` says what they hold. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const formLinks: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('form_links')
      .addColumn('video_uid', text, (column) =>
        column.primaryKey().notNull().references('videos.uid').onDelete('cascade'),
      )
      .modifyEnd(tableEnd)
      .execute()
  },
}
