/** Uploads to the real program: what survives `kill -9`, and what the vendor's sample client does with it. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
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

test('kill -9 while a checksum is under way: nothing unchecked is ever acknowledged', async () => {
  const bytes = testBytes(12 * MIB, 3)
  const made = await call('POST', endpoint(), { ...auth, 'upload-length': String(bytes.length) })
  const uid = String(made.headers['stream-media-id'])
  const path = (made.headers.location ?? '').slice(server.url.length)
  const client = new RawClient(Number(new URL(server.url).port))
  const digest = createHash('sha256').update(bytes).digest('base64')
  await client.head(
    `PATCH ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: ${auth.authorization}`,
    'Tus-Resumable: 1.0.0',
    'Content-Type: application/offset+octet-stream',
    'Upload-Offset: 0',
    `Upload-Checksum: sha256 ${digest}`,
    `Content-Length: ${bytes.length}`,
  )
  // All but the last byte, and most of it is in the draft before the server dies.
  await client.bytes(bytes.subarray(0, -1))
  const drafts = join(server.dataDir, 'drafts')
  const largest = async () => {
    const sizes = (await readdir(drafts)).map(async (id) => (await stat(join(drafts, id))).size)
    return Math.max(0, ...(await Promise.all(sizes)))
  }
  while ((await largest()) < 10 * MIB) await new Promise((resolve) => setTimeout(resolve, 5))
  await killAndRestart()
  await client.ended()

  const url = `${server.url}${path}`
  expect((await call('HEAD', url, auth)).headers['upload-offset']).toBe('0')
  const whole = {
    ...auth,
    'content-type': 'application/offset+octet-stream',
    'upload-offset': '0',
    'upload-checksum': `sha256 ${digest}`,
  }
  expect((await call('PATCH', url, whole, bytes)).status).toBe(204)
  expect(sha256(await stored(uid))).toBe(sha256(bytes))
})

test('kill -9 while a source is put together: it is finished after the start, and right', async () => {
  const bytes = testBytes(160 * MIB + 3, 7)
  const cuts = [0, 60 * MIB + 1, 110 * MIB, bytes.length]
  const parts: string[] = []
  for (const [index, end] of cuts.slice(1).entries()) {
    const body = bytes.subarray(cuts[index], end)
    const headers = { 'upload-concat': 'partial', 'upload-length': String(body.length) }
    const type = { 'content-type': 'application/offset+octet-stream' }
    const made = await call('POST', endpoint(), { ...auth, ...headers, ...type }, body)
    expect(made.status).toBe(201)
    parts.push((made.headers.location ?? '').slice(server.url.length))
  }
  const concat = { 'upload-concat': `final;${parts.join(' ')}` }
  const made = await call('POST', endpoint(), { ...auth, ...concat })
  expect(made.status).toBe(201)
  const uid = String(made.headers['stream-media-id'])
  await killAndRestart()
  const url = `${server.url}${(made.headers.location ?? '').replace(/^https?:\/\/[^/]+/, '')}`
  expect((await call('HEAD', url, auth)).headers['upload-offset']).toBe(String(bytes.length))
  // The client that lost the answer asks again, and gets the same video.
  expect((await call('POST', endpoint(), { ...auth, ...concat })).headers['stream-media-id']).toBe(uid)
  const state = async () => {
    const video = await call('GET', `${endpoint()}/${uid}`, auth)
    return JSON.parse(video.text).result.status.state
  }
  while ((await state()) === 'queued') await new Promise((resolve) => setTimeout(resolve, 50))
  expect(sha256(await stored(uid))).toBe(sha256(bytes))
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
