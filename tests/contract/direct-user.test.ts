/** tus uploads with limits, most of all those of end users (`direct_user=true`): uploads.md §2.3, §2.4. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { editVideo } from '../../src/core/videos/index.ts'
import { declaredMovie, draftBytes, draftCount, minutesInUse, movieBytes, videoOf } from './form-fixture.ts'
import {
  call,
  CHUNK_TYPE,
  type Created,
  metadata,
  MIB,
  RawClient,
  refusalOf,
  sha256,
  startUploadServer,
  type TusCalls,
  tusCalls,
  type UploadServer,
} from './tus-fixture.ts'

const CHUNK = 5 * MIB

let server: UploadServer
let calls: TusCalls
beforeAll(async () => {
  server = await startUploadServer()
  calls = tusCalls(server)
})
afterAll(() => server.stop())

let creators = 0
/** An upload of that length with metadata, and a creator of its own, so that its minutes can be told from others'. */
async function createFor(
  film: Uint8Array,
  pairs: Readonly<Record<string, string>>,
  options: { direct?: boolean } = {},
): Promise<Created & { creator: string }> {
  creators += 1
  const creator = `creator-${creators}`
  const headers = { 'upload-metadata': metadata(pairs), 'upload-creator': creator }
  const query = options.direct === false ? '' : '?direct_user=true'
  return { ...(await calls.create(film.length, { headers, query })), creator }
}

const told = (answer: { status: number; text: string }) => [answer.status, refusalOf(answer).code]

/** Sends the film in chunks of 5 MiB until one is refused; answers the last answer and how many were sent. */
async function sendChunks(
  made: Created,
  film: Uint8Array,
): Promise<{ last: Awaited<ReturnType<TusCalls['patch']>>; sent: number }> {
  for (let sent = 1, at = 0; ; sent += 1, at += CHUNK) {
    const last = await calls.patch(made.location, at, film.subarray(at, at + CHUNK))
    if (last.status !== 204 || at + CHUNK >= film.length) return { last, sent }
  }
}

describe('a one-time tus link', () => {
  test('obeys every field of Upload-Metadata, in any letter case', async () => {
    const deletion = new Date(Date.now() + 40 * 86_400_000).toISOString()
    const header = [
      `NAME ${Buffer.from('harbour tour').toString('base64')}`,
      'RequireSignedURLs',
      `AllowedOrigins ${Buffer.from('example.com, *.example.org').toString('base64')}`,
      `ThumbnailTimestampPct ${Buffer.from('0.25').toString('base64')}`,
      `MAXDURATIONSECONDS ${Buffer.from('900').toString('base64')}`,
      `Expiry ${Buffer.from('2126-01-31T08:00:00Z').toString('base64')}`,
      `ScheduledDeletion ${Buffer.from(deletion).toString('base64')}`,
      `fileType ${Buffer.from('video/mp4').toString('base64')}`,
    ].join(',')
    const made = await calls.create(1_000, {
      query: '?direct_user=true',
      headers: { 'upload-metadata': header },
    })
    expect(made.status).toBe(201)
    expect(await videoOf(server, made.uid)).toMatchObject({
      status: { state: 'pendingupload' },
      meta: { name: 'harbour tour', fileType: 'video/mp4' },
      requireSignedURLs: true,
      allowedOrigins: ['example.com', '*.example.org'],
      thumbnailTimestampPct: 0.25,
      maxDurationSeconds: 900,
      uploadExpiry: '2126-01-31T08:00:00.000000Z',
    })
    const { scheduledDeletion } = await videoOf(server, made.uid)
    expect(Date.parse(String(scheduledDeletion))).toBe(Date.parse(deletion))
    expect(Date.parse(String(made.headers['upload-expires']))).toBe(Date.UTC(2126, 0, 31, 8))
  })

  test.each<[string, Record<string, string>, unknown[]]>([
    ['an unknown watermark', { WaterMark: '7d1f0c5ab2e94c3d8a6f41e07b9c2d30' }, [404, 10003]],
    ['a duration out of range', { maxdurationseconds: '36001' }, [400, 10005]],
    ['an expiry in the past', { expiry: '2024-01-31T08:00:00Z' }, [400, 10005]],
    ['a deletion too soon', { scheduleddeletion: '2026-11-22T08:00:00Z' }, [400, 10060]],
  ])('with %s is not made', async (_, pairs, refusal) => {
    const before = await server.deps.db.selectFrom('videos').select('uid').execute()
    expect(told(await createFor(movieBytes(1_000), pairs))).toEqual(refusal)
    expect(await server.deps.db.selectFrom('videos').select('uid').execute()).toEqual(before)
  })
})

describe('a film that declares itself too long', () => {
  test.each<[string, Buffer, number]>([
    ['in its first chunk', declaredMovie(75, { bytesAfter: 12 * MIB }), 1],
    ['in its second chunk', declaredMovie(75, { bytesBefore: 6 * MIB, bytesAfter: 12 * MIB }), 2],
    ['in its last chunk', declaredMovie(75, { bytesBefore: 6 * MIB }), 2],
    ['in its only chunk', declaredMovie(75), 1],
  ])('%s is refused with that chunk, and the upload has ended', async (_, film, chunks) => {
    const made = await createFor(film, { maxDurationSeconds: '60' })
    expect(await minutesInUse(server, made.creator)).toBe(1)
    const { last, sent } = await sendChunks(made, film)
    expect([...told(last), sent]).toEqual([400, 10005, chunks])
    expect(refusalOf(last).message).toBe('Bad Request: The video lasts 75.0 s; this upload allows 60 s.')
    expect(last.headers['tus-resumable']).toBe('1.0.0')
    expect(await videoOf(server, made.uid)).toMatchObject({
      status: {
        state: 'error',
        errorReasonCode: 'ERR_DURATION_EXCEED_CONSTRAINT',
        errorReasonText:
          'The video is longer than the limit set for this upload. The video lasts 75.0 s; this upload allows 60 s.',
      },
    })
    expect(await minutesInUse(server, made.creator)).toBe(0)
    expect((await calls.head(made.location)).status).toBe(410)
    expect((await calls.patch(made.location, CHUNK, film.subarray(CHUNK, 2 * CHUNK))).status).toBe(410)
    expect(await draftCount(server)).toBe(0)
    await expect(server.sourceHash(made.uid)).rejects.toThrow()
  })

  test('is refused with a token as well', async () => {
    const film = declaredMovie(75)
    const made = await createFor(film, { maxDurationSeconds: '60' }, { direct: false })
    expect(told(await calls.patch(made.location, 0, film))).toEqual([400, 10005])
  })

  test('is refused as soon as the limit is lowered below it', async () => {
    const film = declaredMovie(75, { bytesAfter: 12 * MIB })
    const made = await createFor(film, { maxDurationSeconds: '80' })
    expect((await calls.patch(made.location, 0, film.subarray(0, CHUNK))).status).toBe(204)
    const limit = { maxDurationSeconds: 60 }
    await editVideo({ ...server.deps, storageMinutes: null }, server.accountId, made.uid, limit)
    expect(told(await calls.patch(made.location, CHUNK, film.subarray(CHUNK, 2 * CHUNK)))).toEqual([
      400, 10005,
    ])
  })

  test('sent with the creation: 400, and no upload is made', async () => {
    const before = await server.deps.db.selectFrom('uploads').select('id').execute()
    const film = declaredMovie(75)
    const answer = await call(
      'POST',
      `${server.endpoint}?direct_user=true`,
      {
        ...calls.auth,
        ...CHUNK_TYPE,
        'upload-length': String(film.length),
        'upload-metadata': metadata({ maxDurationSeconds: '60' }),
      },
      film,
    )
    expect(told(answer)).toEqual([400, 10005])
    expect(answer.headers.location).toBeUndefined()
    expect(await server.deps.db.selectFrom('uploads').select('id').execute()).toEqual(before)
  })

  test.each<[string, Buffer, Record<string, string>]>([
    ['without a limit', declaredMovie(75, { bytesAfter: 6 * MIB }), {}],
    ['within its limit', declaredMovie(60, { bytesBefore: 6 * MIB }), { maxDurationSeconds: '60' }],
    [
      'without saying so',
      declaredMovie(75, { track: { duration: 0 }, bytesAfter: 6 * MIB }),
      { maxDurationSeconds: '60' },
    ],
    [
      'in no MP4',
      Buffer.concat([Buffer.from('1a45dfa3', 'hex'), declaredMovie(75)]),
      { maxDurationSeconds: '60' },
    ],
  ])('%s is taken', async (_, film, pairs) => {
    const made = await createFor(film, pairs)
    expect((await sendChunks(made, film)).last.status).toBe(204)
    expect((await videoOf(server, made.uid)).status).toMatchObject({ state: 'queued' })
    expect(await server.sourceHash(made.uid)).toBe(sha256(film))
  })

  test('is told to one that asks first with HEAD after its connection broke', async () => {
    const film = declaredMovie(75, { bytesAfter: 12 * MIB })
    const made = await createFor(film, { maxDurationSeconds: '60' })
    // The sender is gone before it is told.
    const client = new RawClient(server.port)
    await client.head(...calls.patchLines(made.path, 0, CHUNK))
    await client.bytes(film.subarray(0, 2 * MIB))
    // A reset throws away what the server has not read yet.
    await expect.poll(() => draftBytes(server)).toBeGreaterThanOrEqual(MIB)
    client.reset()
    await expect.poll(async () => (await calls.head(made.location)).status).toBe(410)
    expect((await videoOf(server, made.uid)).status).toMatchObject({ state: 'error' })
  })
})
