/** Makes the tables of `src/tables.ts`, which says what each column holds, and the indexes their queries live on. */

import { type CreateTableBuilder, type Kysely, PostgresAdapter, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const firstTables: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createVideos(db)
    await createUploads(db)
    await createMedia(db)
    await createJobs(db)
    await createAccess(db)
    if (!(db.getExecutor().adapter instanceof PostgresAdapter)) await fixSqlitePlans(db)
  },
}

async function createVideos(db: Kysely<unknown>): Promise<void> {
  const { text, integer, real, serial, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('videos')
    .addColumn('uid', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('creator', text)
    .addColumn('name', text)
    .addColumn('name_folded', text)
    .addColumn('meta', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('step', text)
    .addColumn('pct_complete', real)
    .addColumn('error_code', text, (column) => column.notNull())
    .addColumn('error_text', text, (column) => column.notNull())
    .addColumn('error_detail', text)
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('duration_seconds', real)
    .addColumn('width', integer)
    .addColumn('height', integer)
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('modified_us', integer, (column) => column.notNull())
    .addColumn('uploaded_us', integer)
    .addColumn('ready_us', integer)
    .addColumn('upload_expiry_us', integer)
    .addColumn('max_duration_seconds', integer)
    .addColumn('scheduled_deletion_us', integer)
    .addColumn('allowed_origins', text, (column) => column.notNull())
    .addColumn('require_signed_urls', integer, (column) => column.notNull())
    .addColumn('thumbnail_timestamp_pct', real, (column) => column.notNull())
    .addColumn('public_details', text)
    .addColumn('live_input', text)
    .addColumn('clipped_from', text)
    .modifyEnd(tableEnd)
    .execute()
  // Each list filter has an index that is already in the list's order, so a window of a million videos is a short walk.
  await index(db, 'videos_by_created', 'videos', ['account_id', 'created_us'], { unique: true })
  await index(db, 'videos_by_state', 'videos', ['account_id', 'state', 'created_us'])
  await index(db, 'videos_by_creator', 'videos', ['account_id', 'creator', 'created_us'])
  await index(db, 'videos_by_name', 'videos', ['account_id', 'name', 'created_us'])
  // A search reads every name, but from this index, not from the rows.
  await index(db, 'videos_by_search', 'videos', ['account_id', 'created_us', 'name_folded'])
  await sql`create index videos_live on videos (account_id, created_us) where live_input is not null`.execute(
    db,
  )
  await sql`create index videos_by_live_input on videos (account_id, live_input, created_us) where live_input is not null`.execute(
    db,
  )
  await sql`create index videos_to_delete on videos (scheduled_deletion_us) where scheduled_deletion_us is not null`.execute(
    db,
  )
  await sql`create index videos_to_expire on videos (upload_expiry_us) where state = 'pendingupload'`.execute(
    db,
  )

  await db.schema
    .createTable('video_events')
    .addColumn('id', serial)
    .$call((table) => ownedByVideo(table))
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('at_us', integer, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('detail', text, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await index(db, 'video_events_by_video', 'video_events', ['video_uid', 'id'])

  await db.schema
    .createTable('storage_counters')
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('creator', text, (column) => column.notNull())
    .addColumn('video_count', integer, (column) => column.notNull())
    .addColumn('seconds', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('storage_counters_key', ['account_id', 'creator'])
    .modifyEnd(tableEnd)
    .execute()
}

/** An upload's row outlives its video by a day, so it does not refer to it. */
async function createUploads(db: Kysely<unknown>): Promise<void> {
  const { text, integer, bytes, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('uploads')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('video_uid', text, (column) => column.notNull())
    .addColumn('direct', integer, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('length_bytes', integer, (column) => column.notNull())
    .addColumn('offset_bytes', integer, (column) => column.notNull())
    .addColumn('draft_id', text)
    .addColumn('checksums', bytes, (column) => column.notNull())
    .addColumn('metadata', text)
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('expires_us', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await index(db, 'uploads_by_video', 'uploads', ['video_uid'])
  await index(db, 'uploads_by_expiry', 'uploads', ['expires_us'])
  await index(db, 'uploads_by_draft', 'uploads', ['draft_id'])
}

async function createMedia(db: Kysely<unknown>): Promise<void> {
  const { text, integer, bytes, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('blobs')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .$call((table) => ownedByVideo(table))
    .addColumn('size_bytes', integer, (column) => column.notNull())
    .addColumn('checksums', bytes, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await index(db, 'blobs_by_video', 'blobs', ['video_uid'])

  await db.schema
    .createTable('plans')
    .$call((table) => ownedByVideo(table))
    .addColumn('revision', integer, (column) => column.notNull())
    .addColumn('plan', text, (column) => column.notNull())
    .addColumn('media_blob', text, (column) => column.notNull())
    .addColumn('index_blob', text)
    .addColumn('complete', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('plans_key', ['video_uid'])
    .modifyEnd(tableEnd)
    .execute()

  await db.schema
    .createTable('renditions')
    .$call((table) => ownedByVideo(table))
    .addColumn('rendition', text, (column) => column.notNull())
    .addColumn('init_blob', text, (column) => column.notNull())
    .addColumn('codec', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('renditions_key', ['video_uid', 'rendition'])
    .modifyEnd(tableEnd)
    .execute()

  await db.schema
    .createTable('chunks')
    .$call((table) => ownedByVideo(table))
    .addColumn('rendition', text, (column) => column.notNull())
    .addColumn('first_segment', integer, (column) => column.notNull())
    .addColumn('segment_count', integer, (column) => column.notNull())
    .addColumn('blob', text, (column) => column.notNull())
    .addColumn('segment_bytes', text, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('chunks_key', ['video_uid', 'rendition', 'first_segment'])
    .modifyEnd(tableEnd)
    .execute()
}

async function createJobs(db: Kysely<unknown>): Promise<void> {
  const { text, integer, serial, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('jobs')
    .addColumn('id', serial)
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('dedupe', text, (column) => column.notNull())
    .addColumn('payload', text, (column) => column.notNull())
    .addColumn('video_uid', text)
    .addColumn('priority', integer, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('run_at_us', integer, (column) => column.notNull())
    .addColumn('lease_until_us', integer)
    .addColumn('token', integer, (column) => column.notNull())
    .addColumn('attempts', integer, (column) => column.notNull())
    .addColumn('max_attempts', integer, (column) => column.notNull())
    .addColumn('deadline_us', integer, (column) => column.notNull())
    .addColumn('error', text)
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('finished_us', integer)
    .modifyEnd(tableEnd)
    .execute()
  // Of equal unfinished jobs there is one; finished ones are kept for a while beside it.
  await sql`create unique index jobs_unfinished on jobs (dedupe) where state in ('queued', 'active')`.execute(
    db,
  )
  await index(db, 'jobs_to_claim', 'jobs', ['state', 'priority', 'id'])
  await index(db, 'jobs_by_video', 'jobs', ['video_uid'])
  await sql`create index jobs_finished on jobs (finished_us) where finished_us is not null`.execute(db)
}

async function createAccess(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('api_tokens')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .addColumn('permission', text, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('revoked_us', integer)
    .modifyEnd(tableEnd)
    .execute()
  await index(db, 'api_tokens_by_hash', 'api_tokens', ['hash'], { unique: true })
  await index(db, 'api_tokens_by_account', 'api_tokens', ['account_id', 'created_us'])

  await db.schema
    .createTable('sessions')
    .addColumn('hash', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('expires_us', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await index(db, 'sessions_by_expiry', 'sessions', ['expires_us'])
}

/**
 * SQLite chooses an index by what `analyze` counted, else by luck. It is told the figures of a large library instead, in
 * which nearly all rows are of one account (sqlite.org/fileformat2.html §2.6.3): rows, then rows per value of the first
 * column, of the first two, and so on.
 */
async function fixSqlitePlans(db: Kysely<unknown>): Promise<void> {
  const figures = {
    videos_by_created: '1000000 1000000 1',
    videos_by_state: '1000000 1000000 100000 1',
    videos_by_creator: '1000000 1000000 1000 1',
    videos_by_name: '1000000 1000000 2 1',
    videos_by_search: '1000000 1000000 1 1',
    videos_live: '10000 10000 1',
    videos_by_live_input: '10000 10000 100 1',
  }
  await sql`analyze`.execute(db)
  for (const [name, stat] of Object.entries(figures)) {
    await sql`insert into sqlite_stat1 (tbl, idx, stat) values ('videos', ${name}, ${stat})`.execute(db)
  }
  // Makes this connection read them; the others do when they notice the new tables.
  await sql`analyze sqlite_schema`.execute(db)
}

/** Rows that mean nothing without their video go with it, whoever deletes it. */
function ownedByVideo<TB extends string, C extends string>(
  table: CreateTableBuilder<TB, C>,
): CreateTableBuilder<TB, C | 'video_uid'> {
  return table.addColumn('video_uid', 'text', (column) =>
    column.notNull().references('videos.uid').onDelete('cascade'),
  )
}

async function index(
  db: Kysely<unknown>,
  name: string,
  table: string,
  columns: string[],
  options: { unique?: boolean } = {},
): Promise<void> {
  const builder = db.schema.createIndex(name).on(table).columns(columns)
  await (options.unique === true ? builder.unique() : builder).execute()
}
