/** Uploads that are parts of others, and the work of putting parts together (tus concatenation). */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const concatenation: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await remakeUploads(db)
    await createConcatenations(db)
  },
}

/** A partial upload has no video. SQLite cannot take `not null` off a column (sqlite.org/lang_altertable.html §7). */
async function remakeUploads(db: Kysely<unknown>): Promise<void> {
  const { text, integer, bytes, tableEnd } = columnTypes(db)
  const columns = [
    'id',
    'account_id',
    'video_uid',
    'direct',
    'state',
    'length_bytes',
    'offset_bytes',
    'draft_id',
    'checksums',
    'metadata',
    'created_us',
    'expires_us',
  ]
  const old = ['uploads_by_video', 'uploads_by_expiry', 'uploads_by_draft']
  for (const name of old) await db.schema.dropIndex(name).execute()
  await db.schema.alterTable('uploads').renameTo('uploads_0001').execute()
  await db.schema
    .createTable('uploads')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('video_uid', text)
    .addColumn('direct', integer, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('length_bytes', integer, (column) => column.notNull())
    .addColumn('offset_bytes', integer, (column) => column.notNull())
    .addColumn('draft_id', text)
    .addColumn('checksums', bytes, (column) => column.notNull())
    .addColumn('metadata', text)
    .addColumn('concat', text)
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('expires_us', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await db
    .withTables<{ uploads: Record<string, unknown>; uploads_0001: Record<string, unknown> }>()
    .insertInto('uploads')
    .columns(columns)
    .expression((query) => query.selectFrom('uploads_0001').select(columns))
    .execute()
  await db.schema.dropTable('uploads_0001').execute()
  for (const [name, column] of Object.entries({
    uploads_by_video: 'video_uid',
    uploads_by_expiry: 'expires_us',
    uploads_by_draft: 'draft_id',
    // Few uploads are concatenated: a repeated request is looked up among those.
    uploads_by_concat: 'concat',
  })) {
    await db.schema.createIndex(name).on('uploads').column(column).execute()
  }
}

async function createConcatenations(db: Kysely<unknown>): Promise<void> {
  const { text, integer, bytes, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('concatenations')
    .addColumn('video_uid', text, (column) =>
      column.primaryKey().notNull().references('videos.uid').onDelete('cascade'),
    )
    .addColumn('length_bytes', integer, (column) => column.notNull())
    .addColumn('offset_bytes', integer, (column) => column.notNull())
    .addColumn('draft_id', text)
    .addColumn('checksums', bytes, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await db.schema
    .createTable('concatenation_parts')
    .addColumn('video_uid', text, (column) =>
      column.notNull().references('concatenations.video_uid').onDelete('cascade'),
    )
    .addColumn('position', integer, (column) => column.notNull())
    // Whoever would delete a part that is still needed is stopped here.
    .addColumn('upload_id', text, (column) => column.notNull().references('uploads.id'))
    .addPrimaryKeyConstraint('concatenation_parts_key', ['video_uid', 'position'])
    .modifyEnd(tableEnd)
    .execute()
  await db.schema
    .createIndex('concatenation_parts_by_upload')
    .on('concatenation_parts')
    .column('upload_id')
    .execute()
}
