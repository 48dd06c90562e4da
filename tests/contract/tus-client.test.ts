/** tus-js-client as the vendor's samples use it. uploads.md §9. */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type PreviousUpload, Upload, type UploadOptions } from 'tus-js-client'
import { describe, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { runConcatenations, untilWhole } from './concatenation-fixture.ts'
import { MIB, sha256, testBytes } from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()
const { head, storedOffset } = uploads

describe('tus-js-client', () => {
  const options = (uploadSize: number, chunkSize: number): UploadOptions => ({
    endpoint: uploads.server.endpoint,
    headers: { Authorization: `Bearer ${uploads.server.token}` },
    chunkSize,
    retryDelays: [0, 100, 300],
    metadata: { name: 'harbour tour.mp4', filetype: 'video/mp4', defaulttimestamppct: '0.5' },
    uploadSize,
  })

  /** The vendor's sample, which reads a file as a stream. */
  async function uploadFile(
    bytes: Buffer,
    given: Partial<UploadOptions> & { chunkSize: number },
  ): Promise<{ uid: string; url: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'headwater-client-'))
    const file = join(folder, 'film.mp4')
    await writeFile(file, bytes)
    let uid = ''
    try {
      const url = await new Promise<string>((resolve, reject) => {
        const upload: Upload = new Upload(createReadStream(file), {
          ...options(bytes.length, given.chunkSize),
          ...given,
          onError: reject,
          onSuccess: () => resolve(upload.url ?? ''),
          onAfterResponse: (_, response) => {
            uid = response.getHeader('stream-media-id') ?? uid
          },
        })
        upload.start()
      })
      return { uid, url }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  test.each([
    [5 * MIB, 23 * MIB + 11],
    [50 * MIB, 23 * MIB + 11],
    [50 * MIB, 110 * MIB],
  ])('uploads in chunks of %i bytes a file of %i', async (chunkSize, size) => {
    const bytes = testBytes(size)
    const { uid } = await uploadFile(bytes, { chunkSize })
    expect(await getVideo(uploads.server.deps.db, uid)).toMatchObject({
      state: 'queued',
      meta: { name: 'harbour tour.mp4', filetype: 'video/mp4', defaulttimestamppct: '0.5' },
    })
    expect(await uploads.server.sourceHash(uid)).toBe(sha256(bytes))
  })

  test('cut in the middle of a chunk, a new client goes on where it was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headwater-client-'))
    try {
      const bytes = testBytes(31 * MIB + 3)
      const file = join(folder, 'film.mp4')
      await writeFile(file, bytes)
      let url: string | null = null
      await new Promise<void>((resolve, reject) => {
        const upload: Upload = new Upload(createReadStream(file), {
          ...options(bytes.length, 10 * MIB),
          onError: reject,
          onProgress: (sent) => {
            if (sent < 14 * MIB) return
            ;({ url } = upload)
            upload.abort().then(resolve, reject)
          },
        })
        upload.start()
      })
      const previous: PreviousUpload = {
        size: bytes.length,
        metadata: {},
        creationTime: new Date().toISOString(),
        urlStorageKey: 'tus::1',
        uploadUrl: url,
        parallelUploadUrls: null,
      }
      const patches: number[] = []
      await new Promise<void>((resolve, reject) => {
        const upload = new Upload(createReadStream(file), {
          ...options(bytes.length, 10 * MIB),
          onError: reject,
          onSuccess: () => resolve(),
          onBeforeRequest: (sent) => {
            if (sent.getMethod() === 'PATCH') patches.push(Number(sent.getHeader('Upload-Offset')))
          },
        })
        upload.resumeFromPreviousUpload(previous)
        upload.start()
      })
      expect(patches[0]).toBeGreaterThanOrEqual(10 * MIB)
      const uid = String(url).match(/media\/([0-9a-f]{32})/)?.[1] ?? ''
      expect(await uploads.server.sourceHash(uid)).toBe(sha256(bytes))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('sends its first chunk with the creation, and one that is terminated is gone', async () => {
    const bytes = testBytes(8 * MIB)
    const { url } = await uploadFile(bytes, { chunkSize: 5 * MIB, uploadDataDuringCreation: true })
    expect(await storedOffset(url)).toBe(bytes.length)
    await Upload.terminate(url, { ...options(bytes.length, 5 * MIB) })
    expect((await head(url)).status).toBe(410)
  })

  test('uploads in parallel, and it becomes one video', async () => {
    const runner = runConcatenations(uploads.server)
    try {
      const bytes = testBytes(33 * MIB + 7)
      const given = { chunkSize: 5 * MIB, parallelUploads: 4, uploadSize: undefined }
      const { uid } = await uploadFile(bytes, given)
      await untilWhole(uploads.server, uid)
      expect(await uploads.server.sourceHash(uid)).toBe(sha256(bytes))
      expect(await getVideo(uploads.server.deps.db, uid)).toMatchObject({
        meta: { name: 'harbour tour.mp4' },
      })
    } finally {
      await runner.stop()
    }
  })
})
