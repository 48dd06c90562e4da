/** tus-js-client in the versions before the one of today, which programs in use still have. uploads.md §9. */

import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { MIB, sha256, startUploadServer, testBytes, type UploadServer } from './tus-fixture.ts'

/** What both versions have of the class; neither has types that serve here. */
type OldUpload = { readonly url: string; start(): void; abort(): unknown }
type OldUploadClass = new (file: unknown, options: object) => OldUpload

const load = createRequire(import.meta.url)

let server: UploadServer
let folder: string
beforeAll(async () => {
  server = await startUploadServer()
  folder = await mkdtemp(join(tmpdir(), 'headwater-client-'))
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

describe.each([
  ['1.8', 'tus-js-client-1'],
  ['2.3', 'tus-js-client-2'],
])('tus-js-client %s', (_, name) => {
  const { Upload } = load(name) as { Upload: OldUploadClass }

  /** Uploads a file, or the rest of it; answers its address once `stopAt` bytes or all have been sent. */
  async function send(bytes: Buffer, given: { stopAt?: number; uploadUrl?: string } = {}): Promise<string> {
    const file = join(folder, `${name}.mp4`)
    await writeFile(file, bytes)
    return await new Promise<string>((resolve, reject) => {
      const upload: OldUpload = new Upload(createReadStream(file), {
        endpoint: server.endpoint,
        headers: { Authorization: `Bearer ${server.token}` },
        chunkSize: 5 * MIB,
        retryDelays: [0, 100, 300],
        metadata: { name: 'Hafenrundfahrt – größer.mp4', filetype: 'video/mp4' },
        uploadSize: bytes.length,
        uploadUrl: given.uploadUrl,
        onError: reject,
        onSuccess: () => resolve(upload.url),
        onProgress: (sent: number) => {
          if (given.stopAt === undefined || sent < given.stopAt) return
          upload.abort()
          resolve(upload.url)
        },
      })
      upload.start()
    })
  }

  const uidIn = (url: string) => /\/media\/([0-9a-f]{32})/.exec(url)?.[1] ?? ''

  test('uploads a file in chunks', async () => {
    const bytes = testBytes(13 * MIB + 11)
    const uid = uidIn(await send(bytes))
    expect(await getVideo(server.deps.db, uid)).toMatchObject({
      state: 'queued',
      meta: { name: 'Hafenrundfahrt – größer.mp4', filetype: 'video/mp4' },
    })
    expect(await server.sourceHash(uid)).toBe(sha256(bytes))
  })

  test('cut in the middle of a chunk, goes on where it was', async () => {
    const bytes = testBytes(17 * MIB + 3)
    const url = await send(bytes, { stopAt: 8 * MIB })
    expect(await send(bytes, { uploadUrl: url })).toBe(url)
    expect(await server.sourceHash(uidIn(url))).toBe(sha256(bytes))
  })
})
