/** The tus core protocol and the chunk rules: uploads.md §2.1, §3.3. */

import { describe, expect, test } from 'vitest'
import { getVideo, listEvents } from '../../src/core/videos/index.ts'
import { call, CHUNK_TYPE, MIB, TUS, refusalOf, sha256, testBytes } from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()
const { create, patch, head, storedOffset } = uploads

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
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({
      state: 'pendingupload',
      sizeBytes: 0,
    })
    const last = await patch(made.location, 10 * MIB, bytes.subarray(10 * MIB))
    expect(last.headers['upload-offset']).toBe(String(bytes.length))
    expect(last.headers['upload-expires']).toBeUndefined()

    // Before the last 204: queued, with time and size (§2.5), its source, its row and its job.
    const video = await getVideo(uploads.server.deps.db, made.uid)
    expect(video).toMatchObject({ state: 'queued', sizeBytes: bytes.length })
    expect(video?.uploadedUs).toBeGreaterThan(0)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
    expect((await listEvents(uploads.server.deps.db, made.uid)).map((event) => event.kind)).toEqual([
      'created',
      'queued',
    ])
    const blob = await uploads.server.deps.db
      .selectFrom('blobs')
      .selectAll()
      .where('video_uid', '=', made.uid)
      .executeTakeFirst()
    expect(blob).toMatchObject({ name: `sources/${made.uid}`, size_bytes: bytes.length })
    expect(blob?.checksums.length).toBe(4 * 4)
    const job = await uploads.server.deps.db
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
    expect([answer.status, refusalOf(answer).code]).toEqual([status, code])
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('the wrong divisor is told in the words of the vendor', async () => {
    const made = await create(20 * MIB)
    const answer = await patch(made.location, 0, testBytes(5 * MIB + 1))
    expect(refusalOf(answer).message).toBe('Bad Request: Chunk size must be a multiple of 256KiB')
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
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(Buffer.from('x')))
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
    ['the checksum of another body', { 'upload-checksum': 'md5 1B2M2Y8AsgTpgAmY7PhCfg==' }, 460, 10005],
    ['no credentials', { authorization: '' }, 401, 10000],
    ['a token that may only read', { authorization: 'read' }, 403, 10000],
  ])('PATCH with %s is refused', async (_, given, status, code) => {
    const made = await create(MIB)
    const headers: Record<string, string> = { ...uploads.auth, ...CHUNK_TYPE, 'upload-offset': '0', ...given }
    if (headers.authorization === 'read') headers.authorization = `Bearer ${uploads.server.readToken}`
    for (const [name, value] of Object.entries(headers)) if (value === '') delete headers[name]
    const answer = await call('PATCH', made.location, headers, testBytes(MIB))
    expect([answer.status, refusalOf(answer).code]).toEqual([status, code])
    expect(answer.headers['tus-resumable']).toBe('1.0.0')
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('an offset behind is 409 and changes nothing', async () => {
    const made = await create(12 * MIB)
    await patch(made.location, 0, testBytes(5 * MIB))
    const answer = await patch(made.location, 0, testBytes(5 * MIB))
    expect([answer.status, refusalOf(answer).code]).toEqual([409, 10007])
    expect(await storedOffset(made.location)).toBe(5 * MIB)
  })

  test('an unknown address is 404 without an offset', async () => {
    for (const location of [
      `${uploads.server.url}/client/v4/accounts/${uploads.server.accountId}/media/${'0'.repeat(32)}?tusv2=true`,
      `${uploads.server.url}/upload/tus/${'x'.repeat(43)}`,
    ]) {
      const answer = await head(location)
      expect(answer.status).toBe(404)
      expect(answer.headers['upload-offset']).toBeUndefined()
      expect((await patch(location, 0, testBytes(MIB))).status).toBe(404)
      expect((await call('DELETE', location, uploads.auth)).status).toBe(404)
    }
  })

  test('HEAD errors carry no offset', async () => {
    const made = await create(MIB)
    const answer = await call('HEAD', made.location, { authorization: uploads.auth.authorization ?? '' })
    expect(answer.status).toBe(412)
    expect(answer.headers['upload-offset']).toBeUndefined()
    expect((await call('HEAD', made.location, TUS)).status).toBe(401)
  })

  test('a token that may only read may not ask for an upload nor end it: 403', async () => {
    const made = await create(MIB)
    for (const method of ['HEAD', 'DELETE']) {
      const answer = await call(method, made.location, {
        ...TUS,
        authorization: `Bearer ${uploads.server.readToken}`,
      })
      expect(answer.status).toBe(403)
      expect(answer.headers).not.toHaveProperty('upload-offset')
    }
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('a body of unknown length is counted while it is read', async () => {
    const bytes = testBytes(6 * MIB + 100_000)
    const made = await create(bytes.length)
    const chunked = { ...uploads.auth, ...CHUNK_TYPE, 'transfer-encoding': 'chunked' }
    const part = bytes.subarray(0, 300_000)
    const first = await call('PATCH', made.location, { ...chunked, 'upload-offset': '0' }, part)
    expect([first.status, first.headers['upload-offset']]).toEqual([204, '262144'])
    const rest = bytes.subarray(262_144)
    const last = await call('PATCH', made.location, { ...chunked, 'upload-offset': '262144' }, rest)
    expect([last.status, last.headers['upload-offset']]).toEqual([204, String(bytes.length)])
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
    const more = { ...chunked, 'upload-offset': String(bytes.length) }
    expect((await call('PATCH', made.location, more, Buffer.from('x'))).status).toBe(400)
    expect((await call('PATCH', made.location, more)).status).toBe(204)
  })

  test('a body of unknown length past the end stores nothing', async () => {
    const made = await create(MIB)
    const chunked = { ...uploads.auth, ...CHUNK_TYPE, 'transfer-encoding': 'chunked', 'upload-offset': '0' }
    const answer = await call('PATCH', made.location, chunked, testBytes(MIB + 1))
    expect([answer.status, refusalOf(answer).code]).toEqual([400, 10005])
    expect(await storedOffset(made.location)).toBe(0)
  })

  test('a body of unknown length stops at 200 MiB, which are kept', async () => {
    const made = await create(220 * MIB)
    const chunked = { ...uploads.auth, ...CHUNK_TYPE, 'transfer-encoding': 'chunked', 'upload-offset': '0' }
    const answer = await call('PATCH', made.location, chunked, testBytes(201 * MIB))
    expect([answer.status, refusalOf(answer).code]).toEqual([413, 10008])
    expect(await storedOffset(made.location)).toBe(200 * MIB)
  })
})
