/** Opens the records: SQLite in two threads, behind one Kysely. */

import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Kysely, sql } from 'kysely'
import { Migrator } from 'kysely/migration'
import { announceCommit } from '../../lib/commit-signal.ts'
import type { Db, Tables } from '../../tables.ts'
import { migrationProvider } from './migrations/index.ts'
import { LateReader } from './late-reader.ts'
import { sqliteDialect } from './sqlite-dialect.ts'
import { SqliteThread } from './sqlite-thread.ts'

/** An open database; `close` waits for the statements already issued and lets the folder go. */
export type OpenedDatabase = { readonly db: Db; readonly close: () => Promise<void> }

/**
 * Opens (or makes) the SQLite database `file` and brings its tables up to date. Beside it lie `<file>-wal` and
 * `<file>-shm`, which belong to it, and `<file>-lock`, an empty file whose lock says that a process is at work here.
 * Throws `folder_in_use` while another one is.
 */
export async function openDatabase(options: { file: string }): Promise<OpenedDatabase> {
  const { file } = options
  // Nobody else has anything to look for in it.
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const writer = new SqliteThread({ file, lockFile: `${file}-lock` })
  const reader = new LateReader(() => new SqliteThread({ file, lockFile: null }))
  const db: Db = new Kysely<Tables>({
    dialect: sqliteDialect({ writer, reader, onCommit: () => announceCommit(db) }),
  })
  const close = async (): Promise<void> => {
    await reader.close()
    await writer.close()
    await db.destroy()
  }
  try {
    await writer.open()
    await migrate(db)
    await syncFolder(dirname(file))
    announceCommit(db)
  } catch (error) {
    await close()
    throw error
  }
  return { db, close }
}

async function migrate(db: Db): Promise<void> {
  if (await isUpToDate(db)) return
  const { error } = await new Migrator({ db, provider: migrationProvider }).migrateToLatest()
  if (error !== undefined) throw error
}

/** Kysely's migrator looks at every table before it finds that there is nothing to do; its own record says so at once. */
async function isUpToDate(db: Db): Promise<boolean> {
  const wanted = Object.keys(await migrationProvider.getMigrations())
  try {
    // In a transaction: the reading thread is not needed yet.
    const done = await db
      .transaction()
      .execute((trx) => sql<{ name: string }>`select name from kysely_migration`.execute(trx))
    const names = new Set(done.rows.map(({ name }) => name))
    return names.size === wanted.length && wanted.every((name) => names.has(name))
  } catch {
    // A new database has no record yet. Whatever else it is, the migrator meets it, too.
    return false
  }
}

/** SQLite syncs its files, not the folder that holds their names. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
