/** Broadcasts that are being recorded: what is needed to go on with them after a crash. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const liveBroadcasts: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, integer, bytes, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('live_broadcasts')
      .addColumn('video_uid', text, (column) =>
        column.primaryKey().notNull().references('videos.uid').onDelete('cascade'),
      )
      // No reference: the broadcast of an input that is deleted becomes a video like any other.
      .addColumn('input_uid', text, (column) => column.notNull())
      .addColumn('protocol', text, (column) => column.notNull())
      .addColumn('delete_after_days', integer)
      .addColumn('draft_id', text)
      .addColumn('length_bytes', integer, (column) => column.notNull())
      .addColumn('checksums', bytes, (column) => column.notNull())
      .addColumn('synced_us', integer, (column) => column.notNull())
      .addColumn('ended', integer, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute()
  },
}
