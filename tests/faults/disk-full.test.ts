import { execFileSync } from 'node:child_process'
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { ERRORS } from '../../src/http/errors.ts'
import { startServer, waitForVideo } from '../harness/server.ts'
import { withFolder } from './own-folder.ts'
import { makeSources } from './sources.ts'
import { hashBlob, hashFile, readDrafts } from './stored-state.ts'
import { type Access, askOffset, createUpload, sendChunk, uploadBytes } from './tus-lines.ts'

const CHUNK_BYTES = 5 * 2 ** 20
/** Small enough to be filled at once, large enough for one source with its ladder. */
const DISK_BYTES = 96 * 2 ** 20

/** A mount needs root. Where CI is set the test then fails, anywhere else it says that it was left out. */
const canMount = process.getuid?.() === 0
const testOnSmallDisk = canMount || process.env.CI ? test : test.skip
if (!canMount) process.stderr.write('disk-full.test.ts: left out, it needs root to mount a small disk\n')

testOnSmallDisk(
  'a full disk refuses uploads in a sentence, keeps what was acknowledged, and recovers',
  async () => {
    await withFolder(async (folder) => {
      const sources = await makeSources(folder)
      const source = await readFile(sources[0]?.path ?? '')
      await withSmallDisk(join(folder, 'disk'), async (disk) => {
        const ballast = join(disk, 'ballast')
        const server = await startServer({ dataDir: join(disk, 'data') })
        try {
          const upload = await createUpload(server, 'sea.mp4', source.length)
          expect((await sendChunk(server, upload, source.subarray(0, CHUNK_BYTES), 0)).status).toBe(204)

          await fillDisk(ballast, disk, 2 ** 20)
          const refused = await sendChunk(
            server,
            upload,
            source.subarray(CHUNK_BYTES, 2 * CHUNK_BYTES),
            CHUNK_BYTES,
          )
          expect(refused.status, refused.text).toBe(507)
          expect(refused.text).toMatch(/disk|space|room/i)
          expect(refused.text).toContain(`"code":${ERRORS.disk_full.number}`)
          // What was acknowledged stands; nothing half-written counts.
          const kept = await askOffset(server, upload)
          expect(kept.status).toBe(200)
          expect(kept.offset).toBeGreaterThanOrEqual(CHUNK_BYTES)
          expect(kept.offset % 262_144).toBe(0)
          const [draft] = await readDrafts(join(disk, 'data'))
          expect(draft).toMatchObject({ uid: upload.uid, offsetBytes: kept.offset })
          expect(draft?.sizeBytes).toBeGreaterThanOrEqual(kept.offset)
          expect(await hashFile(draft?.path ?? '', kept.offset)).toBe(
            await hashFile(sources[0]?.path ?? '', kept.offset),
          )
          expect(await statusOf(server, `/${upload.uid}/manifest/video.m3u8`)).toBeGreaterThanOrEqual(400)
          expect(await statusOf(server, '/healthz')).toBe(200)

          await rm(ballast)
          for (let at = kept.offset; at < source.length; at = upload.acknowledgedBytes) {
            const answer = await sendChunk(server, upload, source.subarray(at, at + CHUNK_BYTES), at)
            expect(answer.status, answer.text).toBe(204)
          }
          await waitForVideo(server, upload.uid, 'ready')
          const stored = await hashBlob(join(disk, 'data'), sourceBlob(upload.uid))
          expect(stored).toBe(await hashFile(sources[0]?.path ?? ''))
        } finally {
          await server.stop()
        }
      })
    })
  },
)

testOnSmallDisk('encodes that meet a full disk go on when there is room', async () => {
  await withFolder(async (folder) => {
    const sources = await makeSources(folder)
    const source = await readFile(sources.find(({ name }) => name === 'encoded.avi')?.path ?? '')
    await withSmallDisk(join(folder, 'disk'), async (disk) => {
      const ballast = join(disk, 'ballast')
      const server = await startServer({ dataDir: join(disk, 'data') })
      try {
        // Room for the source, for the records, and for next to nothing of the encode.
        await fillDisk(ballast, disk, source.length + 2 ** 19)
        const upload = await uploadBytes(server, 'old.avi', source)
        await waitUntilFull(disk)
        await rm(ballast)
        await waitForVideo(server, upload.uid, 'complete')
      } finally {
        await server.stop()
      }
    })
  })
})

testOnSmallDisk('below the reserve a new upload is refused before a byte is sent', async () => {
  await withFolder((folder) =>
    withSmallDisk(join(folder, 'disk'), async (disk) => {
      const server = await startServer({
        dataDir: join(disk, 'data'),
        env: { HEADWATER_MIN_FREE_BYTES: '1GiB' },
      })
      try {
        await expect(createUpload(server, 'sea.mp4', 10_000_000)).rejects.toThrow(
          /answered (507|413): .*(disk|space|room|storage)/is,
        )
      } finally {
        await server.stop()
      }
    }),
  )
})

async function withSmallDisk(path: string, use: (path: string) => Promise<void>): Promise<void> {
  await mkdir(path)
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=0700`, 'tmpfs', path])
  try {
    await use(path)
  } finally {
    execFileSync('umount', [path])
  }
}

/** Fills the disk until `leaveBytes` are free. */
async function fillDisk(ballast: string, disk: string, leaveBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(disk)
  await writeFile(ballast, Buffer.alloc(Math.max(bavail * bsize - leaveBytes, 0)))
}

/** Resolves when next to nothing is free any more. */
async function waitUntilFull(disk: string): Promise<void> {
  const deadline = performance.now() + 60_000
  for (;;) {
    const { bavail, bsize } = await statfs(disk)
    if (bavail * bsize < 2 ** 18) return
    if (performance.now() > deadline) throw new Error(`still ${bavail * bsize} bytes free`)
    await sleep(20)
  }
}

async function statusOf(access: Access, path: string): Promise<number> {
  const response = await fetch(access.url + path)
  await response.arrayBuffer()
  return response.status
}
