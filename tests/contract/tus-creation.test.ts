/** The creation of tus uploads, with data and without: uploads.md §2.2, §2.3, §3.2. */

import { describe, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { draftsOf } from './concatenation-fixture.ts'
import {
  call,
  metadata,
  MIB,
  CHUNK_TYPE,
  DAY_SECONDS,
  RawClient,
  refusalOf,
  sha256,
  testBytes,
  until,
} from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()
const { create, patch, head, storedOffset } = uploads

const countVideos = async () => {
  const { count } = await uploads.server.deps.db
    .selectFrom('videos')
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

describe('creation, §2.2', () => {
  test('answers 201 without a body, the address, the uid and the expiry', async () => {
    const made = await create(10 * MIB, {
      headers: { 'upload-metadata': metadata({ name: 'harbour tour.mp4' }) },
    })
    expect(made).toMatchObject({ status: 201, text: '' })
    expect(made.uid).toMatch(/^[0-9a-f]{32}$/)
    expect(made.location).toBe(
      `${uploads.server.url}/client/v4/accounts/${uploads.server.accountId}/media/${made.uid}?tusv2=true`,
    )
    expect(made.headers).toMatchObject({ 'tus-resumable': '1.0.0', 'content-length': '0' })
    expect(made.headers['content-type']).toBeUndefined()
    expect(made.headers['access-control-expose-headers']).toContain('stream-media-id')
    const video = await getVideo(uploads.server.deps.db, made.uid)
    expect(video).toMatchObject({
      state: 'pendingupload',
      meta: { name: 'harbour tour.mp4' },
      sizeBytes: 0,
      uploadedUs: null,
      creator: null,
    })
    expect((video?.uploadExpiryUs ?? 0) - (video?.createdUs ?? 0)).toBe(DAY_SECONDS * 1_000_000)
    expect(Date.parse(String(made.headers['upload-expires']))).toBe(
      Math.floor((video?.uploadExpiryUs ?? 0) / 1_000_000) * 1000,
    )
  })

  test('direct_user=true gives an address that is its own credential', async () => {
    for (const query of ['?direct_user=true', '?direct_user=1']) {
      const made = await create(10, { query })
      expect(made.location).toMatch(new RegExp(`^${uploads.server.url}/upload/tus/[A-Za-z0-9_-]{43}$`))
      expect(made.location).not.toContain(made.uid)
    }
    for (const query of ['?direct_user=false', '?direct_user=0', '?direct_user=', '?direct_user=undefined']) {
      expect((await create(10, { query })).location).toContain('/media/')
    }
    expect(refusalOf(await create(10, { query: '?direct_user=user-7' })).code).toBe(10005)
  })

  test('every key of the metadata reaches the video, §2.3', async () => {
    const deletion = new Date(Date.now() + 40 * DAY_SECONDS * 1000).toISOString()
    const expiry = new Date(Date.now() + 2 * DAY_SECONDS * 1000).toISOString()
    const header = metadata({
      NAME: 'a.mp4',
      RequireSignedURLs: 'false',
      allowedOrigins: 'example.com,*.example.org',
      thumbnailTimestampPct: '0.25',
      scheduledDeletion: deletion,
      maxDurationSeconds: '600',
      expiry,
      season: '4',
    })
    const made = await create(10, { headers: { 'upload-metadata': header, 'upload-creator': 'member-481' } })
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({
      meta: { name: 'a.mp4', season: '4' },
      creator: 'member-481',
      requireSignedUrls: true,
      allowedOrigins: ['example.com', '*.example.org'],
      thumbnailTimestampPct: 0.25,
      scheduledDeletionUs: Date.parse(deletion) * 1000,
      maxDurationSeconds: 600,
      uploadExpiryUs: Date.parse(expiry) * 1000,
    })
    expect((await head(made.location)).headers['upload-metadata']).toBe(header)
  })

  test.each(['', 'null', 'undefined'])('metadata %j is none, and HEAD tells none', async (header) => {
    const made = await create(10, { headers: { 'upload-metadata': header } })
    expect(made.status).toBe(201)
    expect((await head(made.location)).headers).not.toHaveProperty('upload-metadata')
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({ meta: {} })
  })

  test.each([
    ['no length', { 'upload-length': '' }, 400, 10005],
    ['a length that is no number', { 'upload-length': '12x' }, 400, 10005],
    ['a negative length', { 'upload-length': '-1' }, 400, 10005],
    ['a byte more than 30 GiB', { 'upload-length': '32212254721' }, 413, 10008],
    ['an absurd length', { 'upload-length': '9'.repeat(30) }, 413, 10008],
    ['a deferred length', { 'upload-defer-length': '1' }, 400, 10005],
    ['metadata that is no Base64', { 'upload-metadata': 'name ***' }, 400, 10005],
    ['an unknown watermark', { 'upload-metadata': metadata({ watermark: 'a'.repeat(32) }) }, 404, 10003],
    [
      'a deletion too soon',
      { 'upload-metadata': metadata({ scheduledDeletion: '2026-01-01T00:00:00Z' }) },
      400,
      10060,
    ],
    ['a creator of 65 characters', { 'upload-creator': 'x'.repeat(65) }, 400, 10005],
    ['no version', { 'tus-resumable': '' }, 412, 10005],
    ['another version', { 'tus-resumable': '0.2.2' }, 412, 10005],
    ['no credentials', { authorization: '' }, 401, 10000],
    ['a wrong token', { authorization: 'Bearer nobody' }, 401, 10000],
    ['a token that may only read', { authorization: 'read' }, 403, 10000],
  ])('%s is refused, and nothing is made', async (_, given, status, code) => {
    const before = await countVideos()
    const headers: Record<string, string> = { ...uploads.auth, 'upload-length': '100', ...given }
    if (headers.authorization === 'read') headers.authorization = `Bearer ${uploads.server.readToken}`
    for (const [name, value] of Object.entries(headers)) if (value === '') delete headers[name]
    const answer = await call('POST', uploads.server.endpoint, headers)
    expect([answer.status, refusalOf(answer).code]).toEqual([status, code])
    expect(answer.headers).toMatchObject({ 'tus-resumable': '1.0.0', 'access-control-allow-origin': '*' })
    if (status === 412) expect(answer.headers['tus-version']).toBe('1.0.0')
    expect(await countVideos()).toBe(before)
  })

  test('another account is 404 unless it exists', async () => {
    const elsewhere = uploads.server.endpoint.replace(uploads.server.accountId, 'f'.repeat(32))
    expect((await call('POST', elsewhere, { ...uploads.auth, 'upload-length': '1' })).status).toBe(404)
    const malformed = uploads.server.endpoint.replace(uploads.server.accountId, 'me')
    expect((await call('POST', malformed, { ...uploads.auth, 'upload-length': '1' })).status).toBe(404)
  })

  test('a body of another type is ignored, as older SDKs send one', async () => {
    const body = Buffer.from('{}')
    const made = await create(10, { headers: { 'content-type': 'application/json' }, body })
    expect(made.status).toBe(201)
    expect(made.headers['upload-offset']).toBeUndefined()
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('the bearer word counts in any case', async () => {
    expect((await create(10, { headers: { authorization: `bearer ${uploads.server.token}` } })).status).toBe(
      201,
    )
  })

  test('a creator in UTF-8 keeps its letters', async () => {
    const made = await create(10, { headers: { 'upload-creator': Buffer.from('Jörg').toString('latin1') } })
    expect((await getVideo(uploads.server.deps.db, made.uid))?.creator).toBe('Jörg')
  })

  test('an upload of no bytes is complete at once', async () => {
    const made = await create(0)
    expect(made.status).toBe(201)
    expect(made.headers['upload-expires']).toBeUndefined()
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({ state: 'queued', sizeBytes: 0 })
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(Buffer.alloc(0)))
    expect((await head(made.location)).headers).toMatchObject({ 'upload-offset': '0', 'upload-length': '0' })
  })

  test('30 GiB to the byte are welcome', async () => {
    expect((await create(32_212_254_720, { headers: {} })).status).toBe(201)
  })
})

describe('creation with data, §3.2', () => {
  test('stores the chunk and answers 201 with the offset', async () => {
    const bytes = testBytes(MIB + 5)
    const made = await create(bytes.length, { headers: CHUNK_TYPE, body: bytes })
    expect(made.status).toBe(201)
    expect(made.headers['upload-offset']).toBe(String(bytes.length))
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
  })

  test('goes on with PATCH', async () => {
    const bytes = testBytes(6 * MIB)
    const made = await create(bytes.length, { headers: CHUNK_TYPE, body: bytes.subarray(0, 5 * MIB) })
    expect(made.headers['upload-offset']).toBe(String(5 * MIB))
    expect((await patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test.each([
    ['too small', 10 * MIB, 1024, {}, 400],
    ['no multiple of 256 KiB', 10 * MIB, 5 * MIB + 1, {}, 400],
    ['longer than the upload', 1024, 1025, {}, 400],
    ['longer than the upload, of unknown length', 1024, 1025, { 'transfer-encoding': 'chunked' }, 400],
    ['of another checksum', 1024, 1024, { 'upload-checksum': 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=' }, 460],
  ])('a chunk %s is refused, and no upload is made', async (_, length, size, headers, status) => {
    const before = await countVideos()
    const answer = await create(length, { headers: { ...CHUNK_TYPE, ...headers }, body: testBytes(size) })
    expect([answer.status, refusalOf(answer).code]).toEqual([status, 10005])
    expect(answer.headers.location).toBeUndefined()
    expect(await countVideos()).toBe(before)
  })

  test('a chunk above 200 MiB is 413 before it is sent, and no upload is made', async () => {
    const before = await countVideos()
    const headers = { 'content-length': String(200 * MIB + 262_144), expect: '100-continue' }
    const answer = await create(300 * MIB, { headers: { ...CHUNK_TYPE, ...headers }, body: Buffer.alloc(0) })
    expect([answer.status, refusalOf(answer).code]).toEqual([413, 10008])
    expect(await countVideos()).toBe(before)
  })

  test('a chunk of unknown length is kept down to a multiple of 256 KiB', async () => {
    const bytes = testBytes(6 * MIB)
    const headers = { ...CHUNK_TYPE, 'transfer-encoding': 'chunked' }
    const made = await create(bytes.length, { headers, body: bytes.subarray(0, 300_000) })
    expect([made.status, made.headers['upload-offset']]).toEqual([201, '262144'])
    expect((await patch(made.location, 262_144, bytes.subarray(262_144))).status).toBe(204)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('one that breaks off leaves no upload, no video and no draft', async () => {
    const left = async () => [
      await countVideos(),
      (await uploads.server.deps.db.selectFrom('uploads').select('id').execute()).length,
      (await draftsOf(uploads.server)).length,
    ]
    const before = await left()
    const client = new RawClient(uploads.server.port)
    const { pathname } = new URL(uploads.server.endpoint)
    await client.head(
      ...uploads.patchLines(pathname, 0, 6 * MIB).map((line) => line.replace(/^PATCH/, 'POST')),
      `Upload-Length: ${6 * MIB}`,
    )
    await client.bytes(testBytes(2 * MIB))
    await until(async () => (await draftsOf(uploads.server)).length > (before[2] ?? 0))
    client.reset()
    await until(async () => (await left())[1] === before[1])
    expect(await left()).toEqual(before)
  })
})
