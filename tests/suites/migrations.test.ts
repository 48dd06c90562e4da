/** What a migration makes of rows that are there already. */

import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { expect, test } from 'vitest'
import { LateReader } from '../../src/adapters/sql/late-reader.ts'
import { migrationProvider } from '../../src/adapters/sql/migrations/index.ts'
import { sqliteDialect } from '../../src/adapters/sql/sqlite-dialect.ts'
import { SqliteThread } from '../../src/adapters/sql/sqlite-thread.ts'
import { listVideos, storageUsage } from '../../src/core/videos/index.ts'
import type { Tables } from '../../src/tables.ts'
import { tempFolder } from './temp-folder.ts'

/** Runs `work` on a database that has been brought up to `name` and no further. */
async function atMigration(name: string, work: (db: Kysely<Tables>, migrator: Migrator) => Promise<void>) {
  const folder = await tempFolder()
  const file = join(folder.path, 'headwater.sqlite')
  const writer = new SqliteThread({ file, lockFile: `${file}-lock` })
  const reader = new LateReader(() => new SqliteThread({ file, lockFile: null }))
  const db = new Kysely<Tables>({ dialect: sqliteDialect({ writer, reader, onCommit: () => undefined }) })
  try {
    await writer.open()
    const migrator = new Migrator({ db, provider: migrationProvider })
    await migrator.migrateTo(name)
    await work(db, migrator)
  } finally {
    await reader.close()
    await writer.close()
    await db.destroy()
    await folder.remove()
  }
}

test('0002: uploads in progress go on, and their indexes are there', () =>
  atMigration('0001-first-tables', async (db, migrator) => {
    const upload = {
      id: 'u',
      account_id: 'a',
      video_uid: 'v',
      direct: 1,
      state: 'receiving' as const,
      length_bytes: 10,
      offset_bytes: 5,
      draft_id: 'd',
      checksums: new Uint8Array([1, 2, 3, 4]),
      metadata: 'name',
      created_us: 1,
      expires_us: 2,
    }
    await db.insertInto('uploads').values(upload).execute()
    expect((await migrator.migrateToLatest()).error).toBeUndefined()
    const columns = Object.keys(upload) as (keyof typeof upload)[]
    expect(await db.selectFrom('uploads').select(columns).execute()).toEqual([upload])
    expect(await db.selectFrom('uploads').select('concat').execute()).toEqual([{ concat: null }])
    const indexes = await sql<{ name: string }>`
      select name from sqlite_schema where type = 'index' and tbl_name = 'uploads' and sql is not null order by name
    `.execute(db)
    expect(indexes.rows.map((row) => row.name)).toEqual(
      expect.arrayContaining([
        'uploads_by_concat',
        'uploads_by_draft',
        'uploads_by_expiry',
        'uploads_by_video',
      ]),
    )
  }))

test('0012: libraries that are there already are counted, found by name, and their accounts known', () =>
  atMigration('0008-downloads', async (db, migrator) => {
    const [one, other] = ['a'.repeat(32), 'b'.repeat(32)]
    const insert = (uid: string, account: string, fields: Record<string, unknown>) => {
      const row = { creator: null, state: 'ready', duration_seconds: null, name_folded: null, ...fields }
      return sql`
        insert into videos (uid, account_id, creator, name_folded, meta, state, error_code, error_text, size_bytes,
          duration_seconds, created_us, modified_us, allowed_origins, require_signed_urls, thumbnail_timestamp_pct)
        values (${uid}, ${account}, ${row.creator}, ${row.name_folded}, '{}', ${row.state}, '', '', 0,
          ${row.duration_seconds}, ${Number(uid)}, ${Number(uid)}, '[]', 0, 0)
      `.execute(db)
    }
    await insert('1', one, { name_folded: 'harbour tour', duration_seconds: 59.1, creator: 'ann' })
    await insert('2', one, { name_folded: 'äpfel', duration_seconds: 30 })
    await insert('3', one, { state: 'error', duration_seconds: 7, creator: 'ann' })
    await insert('4', one, { state: 'queued' })
    await insert('5', other, { name_folded: 'harbour', duration_seconds: 1.5 })
    expect((await migrator.migrateToLatest()).error).toBeUndefined()

    const nowUs = 10
    const usage = (accountId: string, creator?: string) =>
      storageUsage(db, { accountId, creator, nowUs, storageMinutes: null })
    expect(await usage(one)).toEqual({
      storedSeconds: 90,
      reservedSeconds: 0,
      allocatedMinutes: null,
      videoCount: 4,
    })
    expect(await usage(one, 'ann')).toEqual({
      storedSeconds: 60,
      reservedSeconds: 0,
      allocatedMinutes: null,
      videoCount: 2,
    })
    expect(await usage(other)).toEqual({
      storedSeconds: 2,
      reservedSeconds: 0,
      allocatedMinutes: null,
      videoCount: 1,
    })
    const search = async (accountId: string, text: string) =>
      (
        await listVideos(db, accountId, { search: text, ascending: false, limit: 10, withTotal: false })
      ).videos.map(({ uid }) => uid)
    expect(await search(one, 'HARBOUR')).toEqual(['1'])
    expect(await search(one, 'ÄP')).toEqual(['2'])
    expect(await search(other, 'harb')).toEqual(['5'])
    expect(await db.selectFrom('accounts').selectAll().orderBy('id').execute()).toEqual([
      { id: one, name: one, storage_minutes: null, created_us: 1 },
      { id: other, name: other, storage_minutes: null, created_us: 5 },
    ])
  }))
