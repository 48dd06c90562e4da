/** Uploads to the real program: what survives `kill -9`, and what the vendor's sample client does with it. */

import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness/server.ts'
import { call, MIB, RawClient, sha256, testBytes } from './tus-fixture.ts'

let server: TestServer
let auth: Record<string, string>
let folder: string

beforeAll(async () => {
  server = await startServer()
  auth = { 'tus-resumable': '1.0.0', authorization: `Bearer ${server.token}` }
  folder = await mkdtemp(join(tmpdir(), 'headwater-client-'))
})
afterAll(async () => {
  await server.stop()
  await rm(server.dataDir, { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
})

const endpoint = () => `${server.apiUrl}/accounts/${server.accountId}/stream`
const stored = (uid: string) => readFile(join(server.dataDir, 'blobs', 'sources', uid))

async function killAndRestart(): Promise<void> {
  await server.kill()
  server = await server.restart()
}

test('kill -9 in the middle of a chunk: what was acknowledged is there, and the upload goes on', async () => {
  const bytes = testBytes(17 * MIB + 9)
  const made = await call('POST', endpoint(), { ...auth, 'upload-length': String(bytes.length) })
  expect(made.status).toBe(201)
  const uid = String(made.headers['stream-media-id'])
  const path = (made.headers.location ?? '').slice(server.url.length)
  const patch = (offset: number, end: number) =>
    call(
      'PATCH',
      `${server.url}${path}`,
      {
        ...auth,
        'content-type': 'application/offset+octet-stream',
        'upload-offset': String(offset),
        'content-length': String(end - offset),
      },
      bytes.subarray(offset, end),
    )
  expect((await patch(0, 5 * MIB)).status).toBe(204)

  const client = new RawClient(Number(new URL(server.url).port))
  await client.head(
    `PATCH ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${auth.authorization}`,
    'Tus-Resumable: 1.0.0',
    'Content-Type: application/offset+octet-stream',
    `Upload-Offset: ${5 * MIB}`,
    `Content-Length: ${8 * MIB}`,
  )
  await client.bytes(bytes.subarray(5 * MIB, 9 * MIB))
  await killAndRestart()
  await client.ended()

  const head = await call('HEAD', `${server.url}${path}`, auth)
  expect([head.status, head.headers['upload-offset']]).toEqual([200, String(5 * MIB)])
  expect((await patch(5 * MIB, 10 * MIB)).status).toBe(204)
  await killAndRestart()
  expect((await patch(10 * MIB, bytes.length)).status).toBe(204)
  // The last 204 says that the video is queued; a kill right after it takes nothing back.
  await killAndRestart()
  expect(sha256(await stored(uid))).toBe(sha256(bytes))
  const video = await call('GET', `${endpoint()}/${uid}`, auth)
  const { result } = JSON.parse(video.text)
  expect(result).toMatchObject({ uid, size: bytes.length })
  expect(result.uploaded).not.toBeNull()
  expect(result.status.state).not.toBe('pendingupload')
})

test('tus-js-client comes through a restart by itself', async () => {
  const bytes = testBytes(21 * MIB + 1, 5)
  const file = join(folder, 'film.mp4')
  await writeFile(file, bytes)
  // The address stays the same across the restart only with a fixed port.
  const { port } = new URL(server.url)
  server = await server.restart({ HEADWATER_PORT: port })
  let killing: Promise<void> | undefined
  let uid = ''
  await new Promise<void>((resolve, reject) => {
    const upload = new Upload(createReadStream(file), {
      endpoint: endpoint(),
      headers: { Authorization: `Bearer ${server.token}` },
      chunkSize: 5 * MIB,
      retryDelays: Array.from({ length: 30 }, () => 1_000),
      metadata: { name: 'film.mp4', filetype: 'video/mp4' },
      uploadSize: bytes.length,
      onError: reject,
      onSuccess: () => resolve(),
      onProgress: (sent) => {
        if (sent > 12 * MIB) killing ??= killAndRestart()
      },
      onAfterResponse: (_, response) => {
        uid = response.getHeader('stream-media-id') ?? uid
      },
    })
    upload.start()
  })
  expect(killing).toBeDefined()
  await killing
  expect(sha256(await stored(uid))).toBe(sha256(bytes))
})
