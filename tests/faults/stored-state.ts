/** What a stopped or killed server left on disk, read without touching it. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openFolderBlobs } from '../../src/adapters/folder/blobs.ts'
import { folderPaths } from '../../src/adapters/folder/paths.ts'
import { dataFolder } from '../../src/config/data-folder.ts'

/** A finished chunk's identity and when it was recorded. */
export type ChunkRow = { readonly key: string; readonly createdUs: number; readonly blob: string }

/**
 * Every finished chunk. Reads a copy of the database and its log: opening the original would finish what the kill
 * interrupted, and the server shall do that itself.
 */
export async function readChunks(dataDir: string): Promise<readonly ChunkRow[]> {
  return withDatabaseCopy(dataDir, (database) =>
    database
      .prepare('select video_uid, rendition, first_segment, created_us, blob from chunks')
      .all()
      .map((row) => ({
        key: `${String(row.video_uid)}/${String(row.rendition)}/${String(row.first_segment)}`,
        createdUs: Number(row.created_us),
        blob: String(row.blob),
      })),
  )
}

/** Names and sizes of all blobs: as recorded, and as they lie in the folder; and the drafts nobody mentions. */
export async function readBlobs(dataDir: string): Promise<{
  recorded: Readonly<Record<string, number>>
  present: Readonly<Record<string, number>>
  orphanDrafts: readonly string[]
}> {
  const [recorded, knownDrafts] = await withDatabaseCopy(dataDir, (database) => [
    database.prepare('select name, size_bytes from blobs').all(),
    database.prepare('select draft_id from uploads where draft_id is not null').all(),
  ])
  const blobs = await openFolderBlobs({ folder: dataFolder(dataDir).blobsFolder })
  const present: Record<string, number> = {}
  for await (const { name, sizeBytes } of blobs.list('')) present[name] = sizeBytes
  const known = new Set(knownDrafts.map((row) => String(row.draft_id)))
  const orphanDrafts: string[] = []
  for await (const { id } of blobs.listDrafts()) if (!known.has(id)) orphanDrafts.push(id)
  return {
    recorded: Object.fromEntries(recorded.map((row) => [String(row.name), Number(row.size_bytes)])),
    present,
    orphanDrafts,
  }
}

/** An unfinished upload that has bytes: what is acknowledged of them, and the file they lie in. */
export type DraftFile = {
  readonly uid: string
  readonly offsetBytes: number
  readonly path: string
  readonly sizeBytes: number
}

/** Every unfinished upload that has bytes. */
export async function readDrafts(dataDir: string): Promise<readonly DraftFile[]> {
  const rows = await withDatabaseCopy(dataDir, (database) =>
    database
      .prepare(
        "select video_uid, offset_bytes, draft_id from uploads where state = 'receiving' and draft_id is not null",
      )
      .all(),
  )
  const paths = folderPaths(dataFolder(dataDir).blobsFolder)
  const drafts = rows.map(async (row) => {
    const path = paths.draft(String(row.draft_id))
    // The last step of an upload renames its draft before its row says so.
    const sizeBytes = await stat(path).then(
      ({ size }) => size,
      () => undefined,
    )
    return { uid: String(row.video_uid), offsetBytes: Number(row.offset_bytes), path, sizeBytes }
  })
  return (await Promise.all(drafts)).flatMap(({ sizeBytes, ...draft }) =>
    sizeBytes === undefined ? [] : [{ ...draft, sizeBytes }],
  )
}

/** What is left of running decoders. */
export async function readWorkFolder(dataDir: string): Promise<readonly string[]> {
  return readdir(dataFolder(dataDir).workFolder).catch(() => [])
}

/** SHA-256 of a blob, hexadecimal. */
export async function hashBlob(dataDir: string, name: string): Promise<string> {
  const blobs = await openFolderBlobs({ folder: dataFolder(dataDir).blobsFolder })
  const copy = await blobs.materialize(name)
  try {
    return await hashFile(copy.path)
  } finally {
    await copy.release()
  }
}

/** SHA-256 of a file or of its first `lengthBytes` bytes, hexadecimal. */
export async function hashFile(path: string, lengthBytes = Number.POSITIVE_INFINITY): Promise<string> {
  const hash = createHash('sha256')
  // `end` is inclusive.
  for await (const bytes of createReadStream(path, { end: lengthBytes - 1 })) hash.update(bytes as Buffer)
  return hash.digest('hex')
}

/** Reads a copy of the database, the original being left as the kill left it. */
export async function withDatabaseCopy<T>(dataDir: string, read: (database: DatabaseSync) => T): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'headwater-copy-'))
  try {
    const { databaseFile } = dataFolder(dataDir)
    const copy = join(folder, basename(databaseFile))
    await copyFile(databaseFile, copy)
    for (const suffix of ['-wal']) await copyFile(databaseFile + suffix, copy + suffix).catch(() => {})
    const database = new DatabaseSync(copy)
    try {
      return read(database)
    } finally {
      database.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
