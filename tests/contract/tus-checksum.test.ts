/** Chunks that come with a digest: uploads.md §3.5. */

import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { call, CHUNK_TYPE, MIB, RawClient, refusalOf, sha256, testBytes } from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()
const { storedOffset } = uploads

const ALGORITHMS = ['sha1', 'sha256', 'md5', 'crc32']

function digestOf(algorithm: string, bytes: Uint8Array): string {
  if (algorithm !== 'crc32') return createHash(algorithm).update(bytes).digest('base64')
  const digest = Buffer.alloc(4)
  digest.writeUInt32BE(crc32(bytes))
  return digest.toString('base64')
}

const checksum = (algorithm: string, bytes: Uint8Array) => ({
  'upload-checksum': `${algorithm} ${digestOf(algorithm, bytes)}`,
})

/** Bytes that lie on the disk for an unfinished upload, acknowledged or not. */
async function bytesOnDisk(uid: string): Promise<number> {
  const row = await uploads.server.deps.db
    .selectFrom('uploads')
    .select('draft_id')
    .where('id', '=', uid)
    .executeTakeFirstOrThrow()
  if (row.draft_id === null) return 0
  return (await stat(join(uploads.server.dataDir, 'drafts', row.draft_id))).size
}

const isHeld = (uid: string) => uploads.server.deps.locks.isHeld(`upload/${uid}`)

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  test('that fits: the chunk is taken', async () => {
    const bytes = testBytes(8 * MIB + 13)
    const made = await uploads.create(bytes.length)
    const first = bytes.subarray(0, 5 * MIB)
    expect((await uploads.patch(made.location, 0, first, checksum(algorithm, first))).status).toBe(204)
    const rest = bytes.subarray(5 * MIB)
    expect((await uploads.patch(made.location, 5 * MIB, rest, checksum(algorithm, rest))).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('that does not fit: 460, and nothing of the body is kept', async () => {
    const bytes = testBytes(12 * MIB)
    const made = await uploads.create(bytes.length)
    await uploads.patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    const second = bytes.subarray(5 * MIB, 10 * MIB)
    const damaged = Buffer.from(second)
    damaged.writeUInt8(damaged.readUInt8(4_000_000) ^ 1, 4_000_000)
    const refused = await uploads.patch(made.location, 5 * MIB, damaged, checksum(algorithm, second))
    expect([refused.status, refusalOf(refused).code]).toEqual([460, 10005])
    expect(refusalOf(refused).message).toContain(`Checksum Mismatch: the ${algorithm} of the body is `)
    expect(refused.headers).toMatchObject({ 'tus-resumable': '1.0.0', 'access-control-allow-origin': '*' })
    expect(await storedOffset(made.location)).toBe(5 * MIB)
    expect(await bytesOnDisk(made.uid)).toBe(5 * MIB)
    const rest = bytes.subarray(5 * MIB)
    expect((await uploads.patch(made.location, 5 * MIB, rest, checksum(algorithm, rest))).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })
})

test.each([
  [
    'an unknown algorithm',
    'sha512 z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==',
  ],
  ['nothing', ''],
  ['no digest', 'sha1'],
  ['no algorithm', 'Kq5sNclPz7QV2+lfQIuc6R7oRu0='],
  ['a digest in hexadecimal', 'md5 d41d8cd98f00b204e9800998ecf8427e'],
  ['a digest without padding', 'md5 1B2M2Y8AsgTpgAmY7PhCfg'],
  ['a digest of another length', 'sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0='],
  ['a digest that is no Base64', 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu*='],
  ['more than a digest', 'md5 1B2M2Y8AsgTpgAmY7PhCfg== x'],
])('%s in Upload-Checksum is 400, and the body is not asked for', async (_, value) => {
  const made = await uploads.create(MIB)
  const client = new RawClient(uploads.server.port)
  const lines = uploads.patchLines(made.path, 0, MIB)
  await client.head(...lines, `Upload-Checksum: ${value}`, 'Expect: 100-continue')
  const answer = await client.answer()
  expect(answer?.status).toBe(400)
  expect(refusalOf({ text: answer?.body ?? '' }).code).toBe(10005)
  client.socket.destroy()
  expect(await storedOffset(made.location)).toBe(0)
})

describe('the last chunk', () => {
  test('that does not fit completes nothing', async () => {
    const bytes = testBytes(6 * MIB)
    const made = await uploads.create(bytes.length)
    await uploads.patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    const last = bytes.subarray(5 * MIB)
    const wrong = checksum('sha1', bytes)
    expect((await uploads.patch(made.location, 5 * MIB, last, wrong)).status).toBe(460)
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({
      state: 'pendingupload',
      sizeBytes: 0,
    })
    expect(await storedOffset(made.location)).toBe(5 * MIB)
    expect((await uploads.patch(made.location, 5 * MIB, last, checksum('sha1', last))).status).toBe(204)
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({
      state: 'queued',
      sizeBytes: 6 * MIB,
    })
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('whose bytes have all come, but not the end of its body, completes nothing', async () => {
    const bytes = testBytes(MIB + 7)
    const made = await uploads.create(bytes.length)
    const client = new RawClient(uploads.server.port)
    const lines = uploads.patchLines(made.path, 0, 0).filter((line) => !line.startsWith('Content-Length'))
    await client.head(
      ...lines,
      'Transfer-Encoding: chunked',
      `Upload-Checksum: md5 ${digestOf('md5', bytes)}`,
    )
    await client.bytes(Buffer.from(`${bytes.length.toString(16)}\r\n`))
    await client.bytes(bytes)
    client.socket.end()
    await client.ended()
    expect(await storedOffset(made.location)).toBe(0)
    expect(await bytesOnDisk(made.uid)).toBe(0)
  })
})

test.each([
  ['reset', (client: RawClient) => client.reset()],
  ['closed', (client: RawClient) => void client.socket.end()],
])('a body that breaks off is discarded as a whole (%s)', async (_, end) => {
  const bytes = testBytes(20 * MIB)
  const made = await uploads.create(bytes.length)
  await uploads.patch(made.location, 0, bytes.subarray(0, 5 * MIB))
  const client = new RawClient(uploads.server.port)
  const second = bytes.subarray(5 * MIB, 15 * MIB)
  const lines = uploads.patchLines(made.path, 5 * MIB, second.length)
  await client.head(...lines, `Upload-Checksum: sha256 ${digestOf('sha256', second)}`)
  await client.bytes(second.subarray(0, 3 * MIB))
  // Some of it lies in the draft already.
  await until(async () => (await bytesOnDisk(made.uid)) > 5 * MIB)
  end(client)
  await until(() => !isHeld(made.uid))
  expect(await storedOffset(made.location)).toBe(5 * MIB)
  expect(await bytesOnDisk(made.uid)).toBe(5 * MIB)
  expect((await uploads.patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(204)
  expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
})

test('an empty chunk has a digest, too', async () => {
  const made = await uploads.create(MIB)
  const none = Buffer.alloc(0)
  expect((await uploads.patch(made.location, 0, none, checksum('md5', none))).status).toBe(204)
  expect((await uploads.patch(made.location, 0, none, checksum('md5', Buffer.from('x')))).status).toBe(460)
})

test('a body of unknown length is checked at its end', async () => {
  const bytes = testBytes(MIB)
  const made = await uploads.create(bytes.length)
  const chunked = { ...uploads.auth, ...CHUNK_TYPE, 'transfer-encoding': 'chunked', 'upload-offset': '0' }
  const wrong = await call(
    'PATCH',
    made.location,
    { ...chunked, ...checksum('md5', Buffer.from('x')) },
    bytes,
  )
  expect([wrong.status, await storedOffset(made.location)]).toEqual([460, 0])
  const right = await call('PATCH', made.location, { ...chunked, ...checksum('md5', bytes) }, bytes)
  expect([right.status, right.headers['upload-offset']]).toEqual([204, String(bytes.length)])
  expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
})

describe('creation with data', () => {
  test('that fits is taken', async () => {
    const bytes = testBytes(MIB + 5)
    const headers = { ...CHUNK_TYPE, ...checksum('sha256', bytes) }
    const made = await uploads.create(bytes.length, { headers, body: bytes })
    expect([made.status, made.headers['upload-offset']]).toEqual([201, String(bytes.length)])
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test.each([
    ['does not fit', checksum('sha256', Buffer.from('x')), 460],
    ['cannot be read', { 'upload-checksum': 'sha1 x' }, 400],
  ])('whose checksum %s makes no upload and leaves nothing', async (_, given, status) => {
    const count = async () => {
      const rows = await uploads.server.deps.db.selectFrom('videos').select('uid').execute()
      return [rows.length, (await readdir(join(uploads.server.dataDir, 'drafts'))).length]
    }
    const before = await count()
    const headers = { ...CHUNK_TYPE, ...given }
    const answer = await uploads.create(6 * MIB, { headers, body: testBytes(5 * MIB) })
    expect([answer.status, refusalOf(answer).code]).toEqual([status, 10005])
    expect(answer.headers.location).toBeUndefined()
    expect(await count()).toEqual(before)
  })
})
