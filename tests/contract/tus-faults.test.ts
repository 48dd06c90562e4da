/** A full disk and crashes at the worst instants. uploads.md §2.5, DESIGN 1. */

import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { finishStalledUploads } from '../../src/core/uploads/index.ts'
import { getVideo } from '../../src/core/videos/index.ts'
import { silentLog } from '../../src/lib/log.ts'
import { failOnce, limitRoom } from './faulty-blobs.ts'
import {
  MIB,
  RawClient,
  sha256,
  startUploadServer,
  testBytes,
  tusCalls,
  type UploadServer,
} from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()
const { patch, storedOffset } = uploads

/** Paths of what this process, and so the server in it, has open (Linux). */
function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return [readlinkSync(`/proc/self/fd/${name}`)]
    } catch {
      // The listing itself was one of them.
      return []
    }
  })
}

describe('a full disk', () => {
  test('in the middle of a chunk is 507, and the offset is what is stored', async () => {
    let roomBytes = 3 * MIB + 70_000
    const on = await startUploadServer({ wrapBlobs: (blobs) => limitRoom(blobs, () => roomBytes) })
    try {
      const bytes = testBytes(12 * MIB)
      const made = await tusCalls(on).create(bytes.length)
      const answer = await patch(made.location, 0, bytes.subarray(0, 10 * MIB))
      expect(answer.status).toBe(507)
      const offset = await storedOffset(made.location)
      expect(offset % 262_144).toBe(0)
      expect(offset).toBeGreaterThan(MIB)
      roomBytes = Number.POSITIVE_INFINITY
      expect((await patch(made.location, offset, bytes.subarray(offset))).status).toBe(204)
      expect(await on.sourceHash(made.uid)).toBe(sha256(bytes))
    } finally {
      await on.stop()
    }
  })
})

describe('a database that cannot be written', () => {
  test('when the first bytes come: refused, nothing stays open, and the upload goes on later', async () => {
    const on = await startUploadServer()
    try {
      const bytes = testBytes(6 * MIB)
      const made = await tusCalls(on).create(bytes.length)
      await sql`create trigger refusing before update of draft_id on uploads begin select raise(abort, 'no'); end`.execute(
        on.deps.db,
      )
      expect((await patch(made.location, 0, bytes)).status).toBe(500)
      const drafts = openFiles().filter((path) => path.startsWith(join(on.dataDir, 'drafts')))
      expect(drafts).toEqual([])
      await sql`drop trigger refusing`.execute(on.deps.db)
      expect((await patch(made.location, 0, bytes)).status).toBe(204)
      expect(await on.sourceHash(made.uid)).toBe(sha256(bytes))
    } finally {
      await on.stop()
    }
  })
})

describe('a crash', () => {
  test('that took the file of an upload of which nothing was acknowledged: it begins anew', async () => {
    const bytes = testBytes(6 * MIB)
    const made = await uploads.create(bytes.length)
    const client = new RawClient(uploads.server.port)
    await client.head(...uploads.patchLines(made.path, 0, bytes.length))
    await client.bytes(bytes.subarray(0, 1_000))
    const draftId = async () => {
      const row = await uploads.server.deps.db
        .selectFrom('uploads')
        .select('draft_id')
        .where('id', '=', made.uid)
        .executeTakeFirstOrThrow()
      return row.draft_id
    }
    await expect.poll(draftId).not.toBeNull()
    client.reset()
    expect(await storedOffset(made.location)).toBe(0)
    await expect.poll(() => uploads.server.deps.locks.isHeld(`upload/${made.uid}`)).toBe(false)
    await rm(join(uploads.server.dataDir, 'drafts', (await draftId()) ?? ''))
    expect((await patch(made.location, 0, bytes)).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('between the last committed byte and publishing is finished by HEAD', async () => {
    const on = await startUploadServer({ wrapBlobs: (blobs) => failOnce(blobs, 'before publishing') })
    await expectFinishedBy(on, async (location) => {
      expect(await storedOffset(location)).toBe(6 * MIB)
    })
  })

  test('between publishing and the transaction is finished by HEAD', async () => {
    const on = await startUploadServer({ wrapBlobs: (blobs) => failOnce(blobs, 'after publishing') })
    await expectFinishedBy(on, async (location) => {
      expect(await storedOffset(location)).toBe(6 * MIB)
    })
  })

  test('whose sender never comes back is finished by the server', async () => {
    const on = await startUploadServer({ wrapBlobs: (blobs) => failOnce(blobs, 'after publishing') })
    await expectFinishedBy(on, async () => {
      expect(await finishStalledUploads({ ...on.deps, log: silentLog })).toBe(1)
      expect(await finishStalledUploads({ ...on.deps, log: silentLog })).toBe(0)
    })
  })

  async function expectFinishedBy(
    on: UploadServer,
    finish: (location: string) => Promise<void>,
  ): Promise<void> {
    try {
      const bytes = testBytes(6 * MIB)
      const made = await tusCalls(on).create(bytes.length)
      expect((await patch(made.location, 0, bytes)).status).toBe(500)
      expect(await getVideo(on.deps.db, made.uid)).toMatchObject({ state: 'pendingupload' })
      await finish(made.location)
      expect(await getVideo(on.deps.db, made.uid)).toMatchObject({ state: 'queued', sizeBytes: 6 * MIB })
      expect(await on.sourceHash(made.uid)).toBe(sha256(bytes))
      const jobs = await on.deps.db.selectFrom('jobs').select('kind').execute()
      expect(jobs).toEqual([{ kind: 'ingest' }])
    } finally {
      await on.stop()
    }
  }

  test('leaves a draft longer than its record, which is cut back', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'headwater-uploads-'))
    const bytes = testBytes(20 * MIB)
    const first = await startUploadServer({ dataDir })
    const made = await tusCalls(first).create(bytes.length)
    await patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    const row = await first.deps.db.selectFrom('uploads').selectAll().executeTakeFirstOrThrow()
    const draft = await first.deps.blobs.resumeDraft(row.draft_id ?? '', {
      lengthBytes: row.offset_bytes,
      checksums: row.checksums,
    })
    await draft.append([testBytes(MIB, 99)])
    await draft.close()
    await first.stop()
    const second = await startUploadServer({ dataDir })
    try {
      const location = `${second.url}${made.path}`
      expect(await storedOffset(location)).toBe(5 * MIB)
      expect((await patch(location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(204)
      expect(await second.sourceHash(made.uid)).toBe(sha256(bytes))
    } finally {
      await second.stop()
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})
