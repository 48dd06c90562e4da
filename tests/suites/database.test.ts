import { sql } from 'kysely'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/adapters/sql/open-database.ts'
import { runUntilKilled } from './child.ts'
import { describeDatabase } from './database.ts'
import { openTestDatabase } from './open-test-database.ts'
import { mountSmallDisk } from './small-disk.ts'
import { tempFolder } from './temp-folder.ts'

describeDatabase('SQLite', openTestDatabase)

test('a folder has one process: a second opener is refused until the first lets go', async () => {
  const database = await openTestDatabase()
  await expect(openDatabase({ file: database.file })).rejects.toMatchObject({
    code: 'folder_in_use',
    message: expect.stringContaining(database.file),
  })
  // The refused one has disturbed nothing.
  expect(await database.db.selectFrom('videos').selectAll().execute()).toEqual([])
  await database.remove()
})

test('a closed database can be opened again and refuses what comes late', async () => {
  const folder = await tempFolder()
  const file = join(folder.path, 'deep', 'er', 'headwater.sqlite')
  const first = await openDatabase({ file })
  await first.db
    .insertInto('storage_counters')
    .values({ account_id: 'a', creator: '', video_count: 1, seconds: 2 })
    .execute()
  await first.close()
  await first.close()
  await expect(first.db.selectFrom('videos').selectAll().execute()).rejects.toThrow()
  const second = await openDatabase({ file })
  expect(await second.db.selectFrom('storage_counters').select('seconds').execute()).toEqual([{ seconds: 2 }])
  await second.close()
  await folder.remove()
})

test('every commit is synced to the disk, on both connections foreign keys count', async () => {
  const { db, remove } = await openTestDatabase()
  const pragma = async (name: string) =>
    Object.values((await sql.raw(`pragma ${name}`).execute(db)).rows[0] ?? {})
  expect(await pragma('synchronous')).toEqual([2])
  expect(await pragma('journal_mode')).toEqual(['wal'])
  expect(await pragma('foreign_keys')).toEqual([1])
  await remove()
})

test('committed transactions survive a kill -9, whole; the folder is free at once', {
  timeout: 60_000,
}, async () => {
  const folder = await tempFolder()
  const file = join(folder.path, 'headwater.sqlite')
  const promised: string[] = []
  for (let round = 1; round <= 8; round++) {
    promised.push(...(await runUntilKilled('commit-rows.ts', [file], (lines) => lines.length >= 15 * round)))
    const { db, close } = await openDatabase({ file })
    const kept = (await db.selectFrom('jobs').select('dedupe').execute()).map((row) => row.dedupe)
    const known = new Set(kept)
    expect(promised.filter((line) => !known.has(`${line}/a`) || !known.has(`${line}/b`))).toEqual([])
    expect(kept.filter((row) => row.endsWith('/a')).length).toBe(
      kept.filter((row) => row.endsWith('/b')).length,
    )
    expect((await sql<{ integrity_check: string }>`pragma integrity_check`.execute(db)).rows).toEqual([
      { integrity_check: 'ok' },
    ])
    await close()
  }
  await folder.remove()
})

test('a full disk refuses a transaction whole; with room again the database goes on', async ({ skip }) => {
  const disk = await mountSmallDisk(4)
  if (disk === undefined) {
    skip()
    return
  }
  const { db, close } = await openDatabase({ file: join(disk.path, 'headwater.sqlite') })
  const ballast = join(disk.path, 'ballast')
  const add = (creator: string) =>
    db.transaction().execute(async (trx) => {
      for (const part of ['x', 'y']) {
        await trx
          .insertInto('storage_counters')
          .values({ account_id: part, creator: creator.padEnd(100_000, '.'), video_count: 1, seconds: 1 })
          .execute()
      }
    })
  try {
    await add('before')
    await writeFile(ballast, new Uint8Array(8_000_000)).catch(() => {})
    await expect(add('meanwhile')).rejects.toMatchObject({ code: 'disk_full' })
    await rm(ballast)
    await add('after')
    const rows = await db.selectFrom('storage_counters').select('creator').orderBy('creator').execute()
    expect(rows.map((row) => row.creator.replace(/\.+$/, ''))).toEqual(['after', 'after', 'before', 'before'])
  } finally {
    await close()
    await disk.remove()
  }
})
