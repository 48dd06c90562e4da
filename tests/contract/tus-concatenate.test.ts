/** The work behind a final upload, and what may happen to it on the way: uploads.md §3.6. */

import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { concatenate, giveUpConcatenation } from '../../src/core/uploads/index.ts'
import { deleteVideo, getVideo, sweepLeftovers } from '../../src/core/videos/index.ts'
import { concatenateOnce, draftsOf, makeFinal, makePart, withServer } from './concatenation-fixture.ts'
import { failOnce, limitRoom } from './faulty-blobs.ts'
import { call, MIB, sha256, testBytes, tusCalls, type UploadServerOptions } from './tus-fixture.ts'

describe('while a source is put together', () => {
  test('ending the address leaves the video alone', async () => {
    await withServer({}, async (server) => {
      const part = await makePart(server, testBytes(100))
      const made = await makeFinal(server, [part.location])
      expect((await call('DELETE', made.location, tusCalls(server).auth)).status).toBe(204)
      expect((await tusCalls(server).head(made.location)).status).toBe(410)
      await concatenateOnce(server)
      expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
      expect(await server.sourceHash(made.uid)).toBe(sha256(testBytes(100)))
    })
  })

  test('deleting the video ends it, and nothing is left', async () => {
    await withServer({}, async (server) => {
      const part = await makePart(server, testBytes(12 * MIB))
      const made = await makeFinal(server, [part.location])
      const job = await server.deps.jobs.claim({ kinds: ['concatenate'], leaseMs: 60_000 })
      if (job === undefined) throw new Error('there is no job')
      const deleting = {
        ...server.deps,
        strideBytes: 4 * MIB,
        blobs: limitRoom(server.deps.blobs, () => Number.POSITIVE_INFINITY),
      }
      const running = concatenate(deleting, job, { signal: new AbortController().signal })
      const ended = expect(running).rejects.toThrow()
      await deleteVideo(server.deps, server.accountId, made.uid)
      await ended
      expect(await server.deps.db.selectFrom('concatenations').selectAll().execute()).toEqual([])
      expect(await Array.fromAsync(server.deps.blobs.list('sources/'))).toEqual([])
      // The part is there for another one.
      expect(await draftsOf(server)).toHaveLength(1)
      expect((await makeFinal(server, [part.location])).status).toBe(201)
    })
  })

  test('a full disk stops it where it is; it goes on from there', async () => {
    let roomBytes = 10 * MIB
    let appendedBytes = 0
    const counted: UploadServerOptions = {
      wrapBlobs: (blobs) =>
        limitRoom(
          blobs,
          () => roomBytes,
          (bytes) => {
            appendedBytes += bytes
          },
        ),
    }
    await withServer(counted, async (server) => {
      const bytes = testBytes(24 * MIB + 5)
      const parts = [
        bytes.subarray(0, 9 * MIB),
        bytes.subarray(9 * MIB, 18 * MIB + 1),
        bytes.subarray(18 * MIB + 1),
      ]
      const locations: string[] = []
      for (const part of parts) locations.push((await makePart(server, part)).location)
      const made = await makeFinal(server, locations)
      appendedBytes = 0
      await expect(concatenateOnce(server, 3 * MIB)).rejects.toMatchObject({ code: 'disk_full' })
      const half = await server.deps.db.selectFrom('concatenations').selectAll().executeTakeFirstOrThrow()
      expect(half.offset_bytes).toBeGreaterThan(4 * MIB)
      expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
      // Leftovers are swept, but not what a record names.
      await sweepLeftovers(server.deps, { graceMs: -60_000 })
      roomBytes = Number.POSITIVE_INFINITY
      appendedBytes = 0
      await concatenateOnce(server)
      expect(appendedBytes).toBe(bytes.length - half.offset_bytes)
      expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    })
  })

  test.each(['before publishing', 'after publishing'] as const)('a crash %s is made good', async (when) => {
    await withServer({ wrapBlobs: (blobs) => failOnce(blobs, when) }, async (server) => {
      const bytes = testBytes(6 * MIB)
      const part = await makePart(server, bytes)
      const made = await makeFinal(server, [part.location])
      await expect(concatenateOnce(server)).rejects.toThrow('crashed')
      await concatenateOnce(server)
      expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
      const jobs = await server.deps.db.selectFrom('jobs').select('kind').orderBy('kind').execute()
      expect(jobs).toEqual([{ kind: 'concatenate' }, { kind: 'ingest' }])
    })
  })

  test('a part that has changed on the disk is noticed, and the video fails with a reason', async () => {
    await withServer({}, async (server) => {
      const part = await makePart(server, testBytes(6 * MIB))
      const [draft = ''] = await draftsOf(server)
      const file = await open(join(server.dataDir, 'drafts', draft), 'r+')
      await file.write(Buffer.from('damage'), 0, 6, 5 * MIB)
      await file.close()
      const made = await makeFinal(server, [part.location])
      const failure: unknown = await concatenateOnce(server).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'blob_damaged' })
      await giveUpConcatenation(server.deps, made.uid, failure)
      expect(await getVideo(server.deps.db, made.uid)).toMatchObject({
        state: 'error',
        error: { reasonCode: 'ERR_UNKNOWN', detail: { code: 'blob_damaged', stage: 'upload' } },
      })
      expect(await draftsOf(server)).toEqual([draft])
      // A failed one does not stand in the way of another try.
      expect((await makeFinal(server, [part.location])).uid).not.toBe(made.uid)
    })
  })
})
