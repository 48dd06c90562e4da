/** Accounts as rows, the answers to repeated requests, storage added up per account, and names that are found by a part of them. */

import { type Kysely, PostgresAdapter, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const accountsAndSearch: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createAccounts(db)
    await createIdempotencyKeys(db)
    await createStorageTotals(db)
    // PostgreSQL indexes the column itself (pg_trgm); only SQLite needs a table for it.
    if (!(db.getExecutor().adapter instanceof PostgresAdapter)) await createNameIndex(db)
  },
}

/** Accounts were known by their tokens until now. */
async function createAccounts(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('accounts')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('storage_minutes', integer)
    .addColumn('created_us', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await sql`
    insert into accounts (id, name, created_us)
    select account_id, account_id, min(created_us) from (
      select account_id, created_us from api_tokens union all select account_id, created_us from videos
    ) as known group by account_id
  `.execute(db)
}

async function createIdempotencyKeys(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('idempotency_keys')
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('key', text, (column) => column.notNull())
    .addColumn('request_hash', text, (column) => column.notNull())
    .addColumn('answer', text)
    .addColumn('created_us', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('idempotency_keys_key', ['account_id', 'key'])
    .modifyEnd(tableEnd)
    .execute()
  await db.schema.createIndex('idempotency_keys_by_age').on('idempotency_keys').column('created_us').execute()
}

/** An account may have a creator per video: adding those up would be a walk through all of them. */
async function createStorageTotals(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('storage_totals')
    .addColumn('account_id', text, (column) => column.primaryKey().notNull())
    .addColumn('video_count', integer, (column) => column.notNull())
    .addColumn('seconds', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  // Both are counted anew from the videos, so that whatever was wrong before is right after.
  await sql`delete from storage_counters`.execute(db)
  await sql`
    insert into storage_counters (account_id, creator, video_count, seconds)
    select account_id, coalesce(creator, ''), count(*), sum(case
      when state in ('error', 'live-inprogress') or duration_seconds is null then 0
      else cast(duration_seconds as integer) + (case when duration_seconds > cast(duration_seconds as integer) then 1 else 0 end)
    end)
    from videos group by account_id, coalesce(creator, '')
  `.execute(db)
  await sql`
    insert into storage_totals (account_id, video_count, seconds)
    select account_id, sum(video_count), sum(seconds) from storage_counters group by account_id
  `.execute(db)
  // What is promised to uploads is asked of the few that are still to come.
  await sql`
    create index videos_awaited on videos (account_id, creator, state, upload_expiry_us, max_duration_seconds, uid)
    where duration_seconds is null and state in ('pendingupload', 'downloading', 'queued', 'inprogress')
  `.execute(db)
}

/**
 * A full-text table whose words are the runs of one, two and three characters of each name, so that any part of a name
 * is a word or an intersection of words. Words are written in hexadecimal (of UTF-8), because a tokenizer must not
 * interpret them. It keeps no positions and no texts: whoever finds a video here looks at its name, too.
 *
 * Its row numbers are `account number << 52 | created_us`, so that one account's videos lie together, in the order of
 * the list, and a search may stop at its limit. Microseconds fill 52 bits until 2112; eleven bits remain for accounts
 * (`core/access/account.ts` allows no more). Triggers keep it, so that no writer of `videos` can forget it.
 */
async function createNameIndex(db: Kysely<unknown>): Promise<void> {
  await sql`create table search_accounts (number integer primary key, account_id text not null unique) strict`.execute(
    db,
  )
  await sql`create virtual table video_names using fts5 (
    runs, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
  )`.execute(db)
  await sql`insert into search_accounts (account_id) select distinct account_id from videos`.execute(db)
  await sql`
    insert into video_names (rowid, runs) select ${rowNumber('videos')}, ${runs('videos')}
    from videos where name_folded is not null order by account_id, created_us
  `.execute(db)
  await sql`
    create trigger video_names_insert after insert on videos when new.name_folded is not null begin
      insert into search_accounts (account_id) values (new.account_id) on conflict do nothing;
      insert into video_names (rowid, runs) values (${rowNumber('new')}, ${runs('new')});
    end
  `.execute(db)
  await sql`
    create trigger video_names_delete after delete on videos when old.name_folded is not null begin
      delete from video_names where rowid = ${rowNumber('old')};
    end
  `.execute(db)
  await sql`
    create trigger video_names_update after update of name_folded on videos
    when new.name_folded is not old.name_folded begin
      insert into search_accounts (account_id) values (new.account_id) on conflict do nothing;
      delete from video_names where rowid = ${rowNumber('old')};
      insert into video_names (rowid, runs)
      select ${rowNumber('new')}, ${runs('new')} where new.name_folded is not null;
    end
  `.execute(db)
}

function rowNumber(row: 'videos' | 'new' | 'old') {
  const of = sql.raw(row)
  return sql`(select number from search_accounts where search_accounts.account_id = ${of}.account_id) << 52 | ${of}.created_us`
}

/**
 * Every run of one to three characters, in hexadecimal. A name of more than 500 characters, which nobody types, has the
 * one word `long` instead: finding a place in a text costs SQLite a walk to it, so all places cost its square.
 */
function runs(row: 'videos' | 'new') {
  const name = sql.raw(`${row}.name_folded`)
  return sql`case when length(${name}) > 500 then 'long' else (
    with recursive place (n) as (select 1 union all select n + 1 from place where n < length(${name}))
    select group_concat(
      hex(substr(${name}, n, 1)) || ' ' || hex(substr(${name}, n, 2)) || ' ' || hex(substr(${name}, n, 3)), ' '
    ) from place
  ) end`
}
