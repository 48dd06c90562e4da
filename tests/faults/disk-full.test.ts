import { execFileSync, spawn } from 'node:child_process'
import { mkdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { sourceBlob } from '../../src/core/blob-names.ts'
import { callApi, startServer, waitForVideo } from '../harness/server.ts'
import { withFolder } from './own-folder.ts'
import { makeSources } from './sources.ts'
import { hashBlob, hashFile, readDrafts } from './stored-state.ts'
import {
  type Access,
  askOffset,
  type ClientUpload,
  createUpload,
  sendChunk,
  uploadBytes,
} from './tus-lines.ts'

const CHUNK_BYTES = 5 * 2 ** 20
/** Small enough to be filled at once, large enough for one source with its ladder. */
const DISK_BYTES = 96 * 2 ** 20

/** A mount needs root. Where CI is set the test then fails, anywhere else it says that it was left out. */
const canMount = process.getuid?.() === 0
const testOnSmallDisk = canMount || process.env.CI ? test : test.skip
if (!canMount) process.stderr.write('disk-full.test.ts: left out, it needs root to mount a small disk\n')

testOnSmallDisk(
  'a disk that fills up in the middle of a chunk: 507/10013, the offset is what is stored, and the upload goes on',
  async () => {
    await withFolder(async (folder) => {
      const sources = await makeSources(folder)
      const path = sources[0]?.path ?? ''
      const source = await readFile(path)
      await withSmallDisk(join(folder, 'disk'), async (disk) => {
        const ballast = join(disk, 'ballast')
        const server = await startServer({ dataDir: join(disk, 'data') })
        const send = (upload: ClientUpload, from: number) =>
          sendChunk(server, upload, source.subarray(from, from + CHUNK_BYTES), from)
        try {
          const upload = await createUpload(server, 'sea.mp4', source.length)
          expect((await send(upload, 0)).status).toBe(204)

          // Room for more than half of the next chunk.
          await fillDisk(ballast, disk, 3.1 * 2 ** 20)
          expectRefused(await send(upload, CHUNK_BYTES))
          const kept = await askOffset(server, upload)
          expect(kept.status).toBe(200)
          expect(kept.offset).toBeGreaterThan(CHUNK_BYTES)
          expect(kept.offset).toBeLessThan(2 * CHUNK_BYTES)
          expect(kept.offset % 262_144).toBe(0)
          await expectStored(disk, upload, kept.offset, path)

          // Asked again it says the same; not a byte is lost of what it told.
          expectRefused(await send(upload, kept.offset))
          const still = await askOffset(server, upload)
          expect(still.offset).toBeGreaterThanOrEqual(kept.offset)
          await expectStored(disk, upload, still.offset, path)
          expect(await statusOf(server, `/${upload.uid}/manifest/video.m3u8`)).toBeGreaterThanOrEqual(400)
          expect(await statusOf(server, '/healthz')).toBe(200)

          await rm(ballast)
          for (let at = still.offset; at < source.length; at = upload.acknowledgedBytes) {
            const answer = await send(upload, at)
            expect(answer.status, answer.text).toBe(204)
          }
          await waitForVideo(server, upload.uid, 'ready')
          expect(await hashBlob(join(disk, 'data'), sourceBlob(upload.uid))).toBe(await hashFile(path))
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

testOnSmallDisk(
  'a broadcast that fills the disk goes on for its viewers, and its recording when there is room',
  async () => {
    await withFolder((folder) =>
      withSmallDisk(join(folder, 'disk'), async (disk) => {
        const ballast = join(disk, 'ballast')
        const server = await startServer({ dataDir: join(disk, 'data') })
        type Input = { uid: string; rtmp: { url: string; streamKey: string } }
        const input = await callApi<Input>(server, '/stream/live_inputs', {
          method: 'POST',
          body: { recording: { mode: 'automatic' } },
        })
        const film =
          '-f lavfi -i testsrc2=s=640x360:r=25 -c:v libx264 -preset ultrafast -b:v 4M -bf 0 -g 25 -sc_threshold 0'
        const publisher = spawn(
          'ffmpeg',
          [
            '-v',
            'error',
            '-nostdin',
            '-re',
            ...film.split(' '),
            '-f',
            'flv',
            input.rtmp.url + input.rtmp.streamKey,
          ],
          { stdio: 'ignore' },
        )
        try {
          const segments = async (): Promise<number> => {
            const master = `${server.url}/${input.uid}/manifest/video.m3u8`
            const media = firstAddress(await (await fetch(master)).text())
            if (media === undefined) return 0
            const playlist = await (await fetch(new URL(media, master))).text()
            return Number(/(\d+)\.m4s\s*$/.exec(playlist)?.[1] ?? -1) + 1
          }
          await expect.poll(segments).toBeGreaterThan(1)
          const videos = () => callApi<{ uid: string }[]>(server, `/stream/live_inputs/${input.uid}/videos`)
          await expect.poll(async () => (await videos()).length).toBe(1)
          const [{ uid } = { uid: '' }] = await videos()
          // The recording takes its share meanwhile.
          await fillDisk(ballast, disk, 0).catch((error: NodeJS.ErrnoException) => {
            if (error.code !== 'ENOSPC') throw error
          })
          await expect
            .poll(() => server.output())
            .toContain('a recording has a hole: the disk did not take it')
          const then = await segments()
          await expect.poll(segments).toBeGreaterThan(then + 2)
          expect(publisher.exitCode).toBeNull()
          await rm(ballast)
          const again = await segments()
          await expect.poll(segments).toBeGreaterThan(again + 2)
          await callApi(server, `/stream/live_inputs/${input.uid}/disable`, { method: 'POST' })
          const video = await waitForVideo(server, uid, 'ready')
          expect(video.duration).toBeGreaterThan(again)
        } finally {
          publisher.kill('SIGKILL')
          await server.stop()
        }
      }),
    )
  },
)

/** The first line of a playlist that is no tag. */
function firstAddress(playlist: string): string | undefined {
  return playlist.split('\n').find((line) => line !== '' && !line.startsWith('#'))
}

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

/** What a full disk is told as, in words too. */
function expectRefused(answer: Awaited<ReturnType<typeof sendChunk>>): void {
  expect(answer.status, answer.text).toBe(507)
  expect(JSON.parse(answer.text).errors).toEqual([
    {
      code: 10013,
      message: expect.stringMatching(/^Insufficient Storage: The disk .* is full; free some space/),
    },
  ])
}

/** The draft holds the first `offset` bytes of the file, and they are what the record says. */
async function expectStored(disk: string, upload: ClientUpload, offset: number, path: string): Promise<void> {
  const [draft] = await readDrafts(join(disk, 'data'))
  expect(draft).toMatchObject({ uid: upload.uid, offsetBytes: offset })
  expect(draft?.sizeBytes).toBeGreaterThanOrEqual(offset)
  expect(await hashFile(draft?.path ?? '', offset)).toBe(await hashFile(path, offset))
}

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
