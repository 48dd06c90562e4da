/** Sound added to videos, and the files of it that are being fetched; `src/tables.ts` says what the columns mean. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const audioTracks: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, integer, bytes, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('audio_tracks')
      .addColumn('uid', text, (column) => column.primaryKey().notNull())
      .addColumn('video_uid', text, (column) => column.notNull().references('videos.uid').onDelete('cascade'))
      .addColumn('label', text, (column) => column.notNull())
      .addColumn('is_default', integer, (column) => column.notNull())
      .addColumn('status', text, (column) => column.notNull())
      .addColumn('error', text)
      .addColumn('language', text)
      .addColumn('rendition', text, (column) => column.notNull())
      .addColumn('channels', integer)
      .addColumn('source', text, (column) => column.notNull())
      .addColumn('created_us', integer, (column) => column.notNull())
      .addUniqueConstraint('audio_tracks_label', ['video_uid', 'label'])
      .modifyEnd(tableEnd)
      .execute()
    await db.schema
      .createTable('audio_copies')
      .addColumn('track_uid', text, (column) =>
        column.primaryKey().notNull().references('audio_tracks.uid').onDelete('cascade'),
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
