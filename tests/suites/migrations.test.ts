/** What a migration makes of rows that are there already. */

import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { expect, test } from 'vitest'
import { LateReader } from '../../src/adapters/sql/late-reader.ts'
import { migrationProvider } from '../../src/adapters/sql/migrations/index.ts'
import { sqliteDialect } from '../../src/adapters/sql/sqlite-dialect.ts'
import { SqliteThread } from '../../src/adapters/sql/sqlite-thread.ts'
import type { Tables } from '../../src/tables.ts'
import { tempFolder } from './temp-folder.ts'

test('0002: uploads in progress go on, and their indexes are there', async () => {
  const folder = await tempFolder()
  const file = join(folder.path, 'headwater.sqlite')
  const writer = new SqliteThread({ file, lockFile: `${file}-lock` })
  const reader = new LateReader(() => new SqliteThread({ file, lockFile: null }))
  const db = new Kysely<Tables>({ dialect: sqliteDialect({ writer, reader, onCommit: () => undefined }) })
  try {
    await writer.open()
    const migrator = new Migrator({ db, provider: migrationProvider })
    await migrator.migrateTo('0001-first-tables')
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
  } finally {
    await reader.close()
    await writer.close()
    await db.destroy()
    await folder.remove()
  }
})
