/** The tus protocol, rule by rule: uploads.md §2.1–2.7, §3.1–3.4, §3.7. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { getVideo, listEvents } from '../../src/core/videos/index.ts'
import {
  type Answer,
  call,
  metadata,
  MIB,
  sha256,
  startUploadServer,
  testBytes,
  type UploadServer,
} from './tus-fixture.ts'

const CHUNK_TYPE = { 'content-type': 'application/offset+octet-stream' }
const TUS = { 'tus-resumable': '1.0.0' }
const DAY_SECONDS = 86_400

let server: UploadServer
let auth: Record<string, string>

beforeAll(async () => {
  server = await startUploadServer()
  auth = { ...TUS, authorization: `Bearer ${server.token}` }
})
afterAll(() => server.stop())

/** Creates an upload; the answer with its address and the video's uid. */
async function create(
  lengthBytes: number,
  options: { headers?: Record<string, string>; query?: string; body?: Uint8Array; on?: UploadServer } = {},
): Promise<Answer & { location: string; uid: string }> {
  const on = options.on ?? server
  const answer = await call(
    'POST',
    `${on.endpoint}${options.query ?? ''}`,
    { ...auth, 'upload-length': String(lengthBytes), ...options.headers },
    options.body,
  )
  return {
    ...answer,
    location: answer.headers.location ?? '',
    uid: String(answer.headers['stream-media-id'] ?? ''),
  }
}

function patch(
  location: string,
  offset: number,
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return call(
    'PATCH',
    location,
    {
      ...auth,
      ...CHUNK_TYPE,
      'upload-offset': String(offset),
      'content-length': String(body.length),
      ...headers,
    },
    body,
  )
}

const head = (location: string) => call('HEAD', location, auth)
const storedOffset = async (location: string) => Number((await head(location)).headers['upload-offset'])
const numberOf = (answer: Answer): unknown => JSON.parse(answer.text).errors[0].code
const messageOf = (answer: Answer): string => JSON.parse(answer.text).errors[0].message
const countVideos = async () => {
  const { count } = await server.deps.db
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
      `${server.url}/client/v4/accounts/${server.accountId}/media/${made.uid}?tusv2=true`,
    )
    expect(made.headers).toMatchObject({ 'tus-resumable': '1.0.0', 'content-length': '0' })
    expect(made.headers['content-type']).toBeUndefined()
    expect(made.headers['access-control-expose-headers']).toContain('stream-media-id')
    const video = await getVideo(server.deps.db, made.uid)
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
      expect(made.location).toMatch(new RegExp(`^${server.url}/upload/tus/[A-Za-z0-9_-]{43}$`))
      expect(made.location).not.toContain(made.uid)
    }
    for (const query of ['?direct_user=false', '?direct_user=0', '?direct_user=', '?direct_user=undefined']) {
      expect((await create(10, { query })).location).toContain('/media/')
    }
    expect(numberOf(await create(10, { query: '?direct_user=user-7' }))).toBe(10005)
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
    expect(await getVideo(server.deps.db, made.uid)).toMatchObject({
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

  test.each([
    ['no length', { 'upload-length': '' }, 400, 10005],
    ['a length that is no number', { 'upload-length': '12x' }, 400, 10005],
    ['a negative length', { 'upload-length': '-1' }, 400, 10005],
    ['a byte more than 30 GiB', { 'upload-length': '32212254721' }, 413, 10008],
    ['an absurd length', { 'upload-length': '9'.repeat(30) }, 413, 10008],
    ['a deferred length', { 'upload-defer-length': '1' }, 400, 10005],
    ['a part of a concatenation', { 'upload-concat': 'partial' }, 400, 10005],
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
    const headers: Record<string, string> = { ...auth, 'upload-length': '100', ...given }
    if (headers.authorization === 'read') headers.authorization = `Bearer ${server.readToken}`
    for (const [name, value] of Object.entries(headers)) if (value === '') delete headers[name]
    const answer = await call('POST', server.endpoint, headers)
    expect([answer.status, numberOf(answer)]).toEqual([status, code])
    expect(answer.headers).toMatchObject({ 'tus-resumable': '1.0.0', 'access-control-allow-origin': '*' })
    if (status === 412) expect(answer.headers['tus-version']).toBe('1.0.0')
    expect(await countVideos()).toBe(before)
  })

  test('another account is 404 unless it exists', async () => {
    const elsewhere = server.endpoint.replace(server.accountId, 'f'.repeat(32))
    expect((await call('POST', elsewhere, { ...auth, 'upload-length': '1' })).status).toBe(404)
    const malformed = server.endpoint.replace(server.accountId, 'me')
    expect((await call('POST', malformed, { ...auth, 'upload-length': '1' })).status).toBe(404)
  })

  test('a body of another type is ignored, as older SDKs send one', async () => {
    const body = Buffer.from('{}')
    const made = await create(10, { headers: { 'content-type': 'application/json' }, body })
    expect(made.status).toBe(201)
    expect(made.headers['upload-offset']).toBeUndefined()
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('the bearer word counts in any case', async () => {
    expect((await create(10, { headers: { authorization: `bearer ${server.token}` } })).status).toBe(201)
  })

  test('a creator in UTF-8 keeps its letters', async () => {
    const made = await create(10, { headers: { 'upload-creator': Buffer.from('Jörg').toString('latin1') } })
    expect((await getVideo(server.deps.db, made.uid))?.creator).toBe('Jörg')
  })

  test('an upload of no bytes is complete at once', async () => {
    const made = await create(0)
    expect(made.status).toBe(201)
    expect(made.headers['upload-expires']).toBeUndefined()
    expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'queued', sizeBytes: 0 })
    expect(await server.sourceHash(made.uid)).toBe(sha256(Buffer.alloc(0)))
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
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
  })

  test('goes on with PATCH', async () => {
    const bytes = testBytes(6 * MIB)
    const made = await create(bytes.length, { headers: CHUNK_TYPE, body: bytes.subarray(0, 5 * MIB) })
    expect(made.headers['upload-offset']).toBe(String(5 * MIB))
    expect((await patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(204)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test.each([
    ['too small', 10 * MIB, 1024, {}, 400],
    ['no multiple of 256 KiB', 10 * MIB, 5 * MIB + 1, {}, 400],
    ['longer than the upload', 1024, 1025, {}, 400],
    ['longer than the upload, of unknown length', 1024, 1025, { 'transfer-encoding': 'chunked' }, 400],
    ['with a checksum', 1024, 1024, { 'upload-checksum': 'sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=' }, 400],
  ])('a chunk %s is refused, and no upload is made', async (_, length, size, headers, status) => {
    const before = await countVideos()
    const answer = await create(length, { headers: { ...CHUNK_TYPE, ...headers }, body: testBytes(size) })
    expect([answer.status, numberOf(answer)]).toEqual([status, 10005])
    expect(answer.headers.location).toBeUndefined()
    expect(await countVideos()).toBe(before)
  })
})

describe('chunks, §2.1', () => {
  test('two chunks and an odd rest make the file', async () => {
    const bytes = testBytes(12 * MIB + 77)
    const made = await create(bytes.length)
    const first = await patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    expect(first).toMatchObject({ status: 204, text: '' })
    expect(first.headers).toMatchObject({ 'upload-offset': String(5 * MIB), 'tus-resumable': '1.0.0' })
    expect(first.headers['upload-expires']).toBe(made.headers['upload-expires'])
    expect(first.headers['content-length']).toBeUndefined()
    expect((await patch(made.location, 5 * MIB, bytes.subarray(5 * MIB, 10 * MIB))).status).toBe(204)
    expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'pendingupload', sizeBytes: 0 })
    const last = await patch(made.location, 10 * MIB, bytes.subarray(10 * MIB))
    expect(last.headers['upload-offset']).toBe(String(bytes.length))
    expect(last.headers['upload-expires']).toBeUndefined()

    // Before the last 204: queued, with time and size (§2.5), its source, its row and its job.
    const video = await getVideo(server.deps.db, made.uid)
    expect(video).toMatchObject({ state: 'queued', sizeBytes: bytes.length })
    expect(video?.uploadedUs).toBeGreaterThan(0)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    expect((await listEvents(server.deps.db, made.uid)).map((event) => event.kind)).toEqual([
      'created',
      'queued',
    ])
    const blob = await server.deps.db
      .selectFrom('blobs')
      .selectAll()
      .where('video_uid', '=', made.uid)
      .executeTakeFirst()
    expect(blob).toMatchObject({ name: `sources/${made.uid}`, size_bytes: bytes.length })
    expect(blob?.checksums.length).toBe(4 * 4)
    const job = await server.deps.db
      .selectFrom('jobs')
      .selectAll()
      .where('video_uid', '=', made.uid)
      .executeTakeFirst()
    expect(job).toMatchObject({ kind: 'ingest', dedupe: `ingest/${made.uid}`, priority: 2, state: 'queued' })
    expect(JSON.parse(job?.payload ?? '')).toEqual({ uid: made.uid })
  })

  test.each([
    ['below 5 MiB', 20 * MIB, 5 * MIB - 262_144, 400, 10005],
    ['no multiple of 256 KiB', 20 * MIB, 5 * MIB + 1, 400, 10005],
    ['past the end', 6 * MIB, 7 * MIB, 400, 10005],
    ['above 200 MiB', 300 * MIB, 200 * MIB + 262_144, 413, 10008],
  ])('%s: nothing is stored, and the body is not waited for', async (_, length, size, status, code) => {
    const made = await create(length)
    const headers = { 'content-length': String(size), expect: '100-continue' }
    const answer = await patch(made.location, 0, Buffer.alloc(0), headers)
    expect([answer.status, numberOf(answer)]).toEqual([status, code])
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('the wrong divisor is told in the words of the vendor', async () => {
    const made = await create(20 * MIB)
    const answer = await patch(made.location, 0, testBytes(5 * MIB + 1))
    expect(messageOf(answer)).toBe('Bad Request: Chunk size must be a multiple of 256KiB')
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('a chunk of no bytes changes nothing', async () => {
    const made = await create(20 * MIB)
    const answer = await patch(made.location, 0, Buffer.alloc(0))
    expect(answer.status).toBe(204)
    expect(answer.headers['upload-offset']).toBe('0')
  })

  test('a file of one odd byte is one chunk', async () => {
    const made = await create(1)
    expect((await patch(made.location, 0, Buffer.from('x'))).status).toBe(204)
    expect(await server.sourceHash(made.uid)).toBe(sha256(Buffer.from('x')))
  })
})

describe('core protocol, §3.3', () => {
  test('HEAD tells offset, length and expiry, and may not be kept', async () => {
    const made = await create(6 * MIB)
    await patch(made.location, 0, testBytes(5 * MIB))
    const answer = await head(made.location)
    expect(answer.status).toBe(200)
    expect(answer.headers).toMatchObject({
      'upload-offset': String(5 * MIB),
      'upload-length': String(6 * MIB),
      'cache-control': 'no-store',
      'tus-resumable': '1.0.0',
      'upload-expires': made.headers['upload-expires'],
    })
    expect(answer.headers['upload-metadata']).toBeUndefined()
  })

  test.each([
    ['another content type', { 'content-type': 'application/octet-stream' }, 415, 10012],
    ['no offset', { 'upload-offset': '' }, 400, 10005],
    ['an offset that is no number', { 'upload-offset': 'end' }, 400, 10005],
    ['an offset ahead', { 'upload-offset': '262144' }, 409, 10007],
    ['no version', { 'tus-resumable': '' }, 412, 10005],
    ['another version', { 'tus-resumable': '1.0.1' }, 412, 10005],
    ['a checksum', { 'upload-checksum': 'md5 1B2M2Y8AsgTpgAmY7PhCfg==' }, 400, 10005],
    ['no credentials', { authorization: '' }, 401, 10000],
    ['a token that may only read', { authorization: 'read' }, 403, 10000],
  ])('PATCH with %s is refused', async (_, given, status, code) => {
    const made = await create(MIB)
    const headers: Record<string, string> = { ...auth, ...CHUNK_TYPE, 'upload-offset': '0', ...given }
    if (headers.authorization === 'read') headers.authorization = `Bearer ${server.readToken}`
    for (const [name, value] of Object.entries(headers)) if (value === '') delete headers[name]
    const answer = await call('PATCH', made.location, headers, testBytes(MIB))
    expect([answer.status, numberOf(answer)]).toEqual([status, code])
    expect(answer.headers['tus-resumable']).toBe('1.0.0')
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('an offset behind is 409 and changes nothing', async () => {
    const made = await create(12 * MIB)
    await patch(made.location, 0, testBytes(5 * MIB))
    const answer = await patch(made.location, 0, testBytes(5 * MIB))
    expect([answer.status, numberOf(answer)]).toEqual([409, 10007])
    expect(await storedOffset(made.location)).toBe(5 * MIB)
  })

  test('an unknown address is 404 without an offset', async () => {
    for (const location of [
      `${server.url}/client/v4/accounts/${server.accountId}/media/${'0'.repeat(32)}?tusv2=true`,
      `${server.url}/upload/tus/${'x'.repeat(43)}`,
    ]) {
      const answer = await head(location)
      expect(answer.status).toBe(404)
      expect(answer.headers['upload-offset']).toBeUndefined()
      expect((await patch(location, 0, testBytes(MIB))).status).toBe(404)
      expect((await call('DELETE', location, auth)).status).toBe(404)
    }
  })

  test('HEAD errors carry no offset', async () => {
    const made = await create(MIB)
    const answer = await call('HEAD', made.location, { authorization: auth.authorization ?? '' })
    expect(answer.status).toBe(412)
    expect(answer.headers['upload-offset']).toBeUndefined()
    expect((await call('HEAD', made.location, TUS)).status).toBe(401)
  })

  test('POST stands for the method it names', async () => {
    const bytes = testBytes(MIB)
    const made = await create(bytes.length)
    const as = (method: string) => ({ ...auth, 'x-http-method-override': method })
    expect((await call('POST', made.location, as('HEAD'))).headers['upload-offset']).toBe('0')
    const patched = await call(
      'POST',
      made.location,
      { ...as('PATCH'), ...CHUNK_TYPE, 'upload-offset': '0', 'content-length': String(bytes.length) },
      bytes,
    )
    expect([patched.status, patched.headers['upload-offset']]).toEqual([204, String(bytes.length)])
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    expect((await call('POST', made.location, as('DELETE'))).status).toBe(204)
    expect((await call('POST', made.location, as('PUT'))).status).toBe(405)
  })

  test.each(['GET', 'PUT', 'POST'])('%s on an address is 405', async (method) => {
    const made = await create(MIB)
    const answer = await call(method, made.location, auth)
    expect([answer.status, numberOf(answer)]).toEqual([405, 10006])
    expect(answer.headers.allow).toBe('OPTIONS, HEAD, PATCH, DELETE')
  })

  test('a body of unknown length is counted while it is read', async () => {
    const bytes = testBytes(6 * MIB + 100_000)
    const made = await create(bytes.length)
    const chunked = { ...auth, ...CHUNK_TYPE, 'transfer-encoding': 'chunked' }
    const part = bytes.subarray(0, 300_000)
    const first = await call('PATCH', made.location, { ...chunked, 'upload-offset': '0' }, part)
    expect([first.status, first.headers['upload-offset']]).toEqual([204, '262144'])
    const rest = bytes.subarray(262_144)
    const last = await call('PATCH', made.location, { ...chunked, 'upload-offset': '262144' }, rest)
    expect([last.status, last.headers['upload-offset']]).toEqual([204, String(bytes.length)])
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    const more = { ...chunked, 'upload-offset': String(bytes.length) }
    expect((await call('PATCH', made.location, more, Buffer.from('x'))).status).toBe(400)
    expect((await call('PATCH', made.location, more)).status).toBe(204)
  })

  test('a body of unknown length past the end stores nothing', async () => {
    const made = await create(MIB)
    const chunked = { ...auth, ...CHUNK_TYPE, 'transfer-encoding': 'chunked', 'upload-offset': '0' }
    const answer = await call('PATCH', made.location, chunked, testBytes(MIB + 1))
    expect([answer.status, numberOf(answer)]).toEqual([400, 10005])
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('a body of unknown length stops at 200 MiB, which are kept', async () => {
    const made = await create(220 * MIB)
    const chunked = { ...auth, ...CHUNK_TYPE, 'transfer-encoding': 'chunked', 'upload-offset': '0' }
    const answer = await call('PATCH', made.location, chunked, testBytes(201 * MIB))
    expect([answer.status, numberOf(answer)]).toEqual([413, 10008])
    expect(await storedOffset(made.location)).toBe(200 * MIB)
  })
})

describe('one-time addresses, §2.4', () => {
  test('work without credentials and take nothing after the end', async () => {
    const bytes = testBytes(MIB)
    const made = await create(bytes.length, { query: '?direct_user=true' })
    const sent = { ...TUS, ...CHUNK_TYPE, 'upload-offset': '0', authorization: 'Bearer of-somebody-else' }
    expect((await call('PATCH', made.location, sent, bytes)).status).toBe(204)
    expect((await call('HEAD', made.location, TUS)).headers['upload-offset']).toBe(String(bytes.length))
    const again = { ...sent, 'upload-offset': String(bytes.length) }
    expect((await call('PATCH', made.location, again, Buffer.from('x'))).status).toBe(400)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('are no addresses of the account, nor the other way round', async () => {
    const direct = await create(10, { query: '?direct_user=true' })
    const secret = direct.location.split('/').at(-1) ?? ''
    const base = `${server.url}/client/v4/accounts/${server.accountId}/media`
    expect((await head(`${base}/${secret}`)).status).toBe(404)
    expect((await head(`${base}/${direct.uid}`)).status).toBe(404)
    const owned = await create(10)
    expect((await head(`${server.url}/upload/tus/${owned.uid}`)).status).toBe(404)
  })

  test('answer HEAD for a day after the end', async () => {
    const on = await startUploadServer()
    try {
      const made = await create(1, { query: '?direct_user=true', on })
      on.forward(DAY_SECONDS - 60)
      expect((await patch(made.location, 0, Buffer.from('x'))).status).toBe(204)
      on.forward(DAY_SECONDS - 60)
      expect((await head(made.location)).status).toBe(200)
      on.forward(120)
      expect((await head(made.location)).status).toBe(404)
    } finally {
      await on.stop()
    }
  })
})

describe('expiration, §3.4', () => {
  test('410 for a day, then 404; activity does not prolong', async () => {
    const on = await startUploadServer()
    try {
      const made = await create(6 * MIB, { on })
      on.forward(DAY_SECONDS - 60)
      expect((await patch(made.location, 0, testBytes(5 * MIB))).headers['upload-expires']).toBe(
        made.headers['upload-expires'],
      )
      on.forward(61)
      for (const answer of [
        await patch(made.location, 5 * MIB, testBytes(MIB)),
        await call('DELETE', made.location, auth),
      ]) {
        expect([answer.status, numberOf(answer)]).toEqual([410, 10010])
      }
      expect((await head(made.location)).status).toBe(410)
      on.forward(DAY_SECONDS)
      expect((await head(made.location)).status).toBe(404)
    } finally {
      await on.stop()
    }
  })

  test('the expiry of the metadata counts', async () => {
    const on = await startUploadServer()
    try {
      const expiry = new Date(Date.now() + 60_000).toISOString()
      const made = await create(10, { on, headers: { 'upload-metadata': metadata({ expiry }) } })
      expect(made.headers['upload-expires']).toBe(new Date(Date.parse(expiry)).toUTCString())
      on.forward(61)
      expect((await head(made.location)).status).toBe(410)
    } finally {
      await on.stop()
    }
  })
})

describe('termination, §3.7', () => {
  test('an unfinished upload goes with its video and its bytes', async () => {
    const made = await create(6 * MIB)
    await patch(made.location, 0, testBytes(5 * MIB))
    const answer = await call('DELETE', made.location, auth)
    expect(answer).toMatchObject({ status: 204, text: '' })
    expect(await getVideo(server.deps.db, made.uid)).toBeUndefined()
    expect((await head(made.location)).status).toBe(410)
    expect((await patch(made.location, 5 * MIB, testBytes(MIB))).status).toBe(410)
    expect((await call('DELETE', made.location, auth)).status).toBe(410)
    const row = await server.deps.db
      .selectFrom('uploads')
      .select('draft_id')
      .where('id', '=', made.uid)
      .executeTakeFirst()
    expect(row?.draft_id).toBeNull()
  })

  test('after a finished upload only the address dies', async () => {
    const made = await create(1, { query: '?direct_user=true' })
    await patch(made.location, 0, Buffer.from('x'))
    expect((await call('DELETE', made.location, TUS)).status).toBe(204)
    expect((await call('HEAD', made.location, TUS)).status).toBe(410)
    expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
    expect(await server.sourceHash(made.uid)).toBe(sha256(Buffer.from('x')))
  })

  test('needs the version', async () => {
    const made = await create(1)
    const answer = await call('DELETE', made.location, { authorization: auth.authorization ?? '' })
    expect(answer.status).toBe(412)
  })
})

test('deleting the video through the API ends its upload: 404, §2.5', async () => {
  const made = await create(6 * MIB)
  await patch(made.location, 0, testBytes(5 * MIB))
  const deleted = await call('DELETE', `${server.endpoint}/${made.uid}`, auth)
  expect(deleted.status).toBe(200)
  expect((await head(made.location)).status).toBe(404)
  expect((await patch(made.location, 5 * MIB, testBytes(MIB))).status).toBe(404)
})

describe('OPTIONS, §3.1, and browsers, §2.7', () => {
  test('lists what works, to anybody', async () => {
    const made = await create(1, { query: '?direct_user=true' })
    for (const url of [server.endpoint, made.location, (await create(1)).location]) {
      const answer = await call('OPTIONS', url, { 'tus-resumable': '0.0.1' })
      expect(answer).toMatchObject({ status: 204, text: '' })
      expect(answer.headers).toMatchObject({
        'tus-version': '1.0.0',
        'tus-resumable': '1.0.0',
        'tus-max-size': '32212254720',
        'tus-extension': 'creation,creation-with-upload,expiration,termination',
      })
    }
  })

  test('any page may upload and read the answers, refusals too', async () => {
    const made = await create(MIB, { query: '?direct_user=true' })
    const preflight = await call('OPTIONS', made.location, {
      origin: 'https://example.com',
      'access-control-request-method': 'PATCH',
      'access-control-request-headers': 'content-type,tus-resumable,upload-offset',
    })
    const refused = await call('PATCH', made.location, { ...TUS, origin: 'https://example.com' })
    expect([preflight.status, refused.status]).toEqual([204, 415])
    for (const answer of [preflight, refused]) {
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'POST, HEAD, PATCH, OPTIONS, DELETE',
        'access-control-max-age': '86400',
      })
      expect(answer.headers['access-control-allow-headers']).toContain('Upload-Offset, Upload-Metadata')
      expect(answer.headers['access-control-expose-headers']).toContain('Location, Upload-Offset')
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined()
    }
  })
})

describe('limits, §7 and §8', () => {
  test('videos in work: 429 with a time to come back', async () => {
    const on = await startUploadServer({ limits: { videosInWork: 2 } })
    try {
      await create(0, { on })
      await create(0, { on })
      const answer = await create(10, { on })
      expect([answer.status, numberOf(answer), answer.headers['retry-after']]).toEqual([429, 10009, '30'])
    } finally {
      await on.stop()
    }
  })

  test('storage minutes: reserved by the maximum duration, freed by expiry and deletion', async () => {
    const on = await startUploadServer({ limits: { storageMinutes: 60 } })
    const of = (seconds: number) => ({ 'upload-metadata': metadata({ maxDurationSeconds: String(seconds) }) })
    try {
      const first = await create(10, { on, headers: of(3_000) })
      expect(first.status).toBe(201)
      const refused = await create(10, { on, headers: of(601) })
      expect([refused.status, numberOf(refused)]).toEqual([413, 10011])
      expect(JSON.parse(refused.text).messages[0].message).toContain('50 of 60')
      expect((await create(10, { on, headers: of(600) })).status).toBe(201)
      expect((await create(10, { on, query: '?direct_user=true' })).status).toBe(413)
      expect((await create(10, { on })).status).toBe(201)
      await call('DELETE', first.location, auth)
      expect((await create(10, { on, headers: of(3_000) })).status).toBe(201)
      expect((await create(10, { on, headers: of(1) })).status).toBe(413)
      on.forward(DAY_SECONDS + 1)
      expect((await create(10, { on, headers: of(3_600) })).status).toBe(201)
    } finally {
      await on.stop()
    }
  })

  test('room on the disk: 507 before anything is made', async () => {
    const on = await startUploadServer({ limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } })
    try {
      const answer = await create(10, { on })
      expect(answer.status).toBe(507)
      expect(messageOf(answer)).toContain('HEADWATER_MIN_FREE_BYTES')
    } finally {
      await on.stop()
    }
  })
})
