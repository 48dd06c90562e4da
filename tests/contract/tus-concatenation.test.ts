/** Uploads put together from partial ones: uploads.md §3.6. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sweepUploads } from '../../src/core/uploads/index.ts'
import { deleteVideo, getVideo, sweep, sweepLeftovers } from '../../src/core/videos/index.ts'
import type { JobRunner } from '../../src/jobs/run-jobs.ts'
import {
  checksumsOf,
  concatenateOnce,
  draftsOf,
  makeFinal,
  makePart,
  PARTIAL,
  runConcatenations,
  untilWhole,
  withServer,
} from './concatenation-fixture.ts'
import {
  call,
  CHUNK_TYPE,
  DAY_SECONDS,
  metadata,
  MIB,
  refusalOf,
  sha256,
  startUploadServer,
  testBytes,
  tusCalls,
  TUS,
  type UploadServer,
} from './tus-fixture.ts'

const GIB = 1024 * MIB

let shared: UploadServer
let runner: JobRunner

beforeAll(async () => {
  shared = await startUploadServer()
  runner = runConcatenations(shared)
})
afterAll(async () => {
  await runner.stop()
  await shared.stop()
})

describe('a final upload', () => {
  test('is its parts in order: queued at once, its source as soon as it is written', async () => {
    const bytes = testBytes(14 * MIB + 12_345)
    // No part ends where a block of the whole does.
    const cuts = [0, 5 * MIB + 77, 5 * MIB + 78, 11 * MIB + 1, bytes.length]
    const parts: string[] = []
    for (const [index, end] of cuts.slice(1).entries()) {
      const part = await makePart(shared, bytes.subarray(cuts[index], end))
      parts.push(part.location)
    }
    const header = { 'upload-metadata': metadata({ name: 'harbour tour.mp4', maxDurationSeconds: '600' }) }
    const made = await makeFinal(shared, parts, { headers: { ...header, 'upload-creator': 'member-481' } })
    expect([made.status, made.text]).toEqual([201, ''])
    expect(made.location).toContain(`/media/${made.uid}`)
    expect(made.headers['upload-expires']).toBeUndefined()
    const video = await getVideo(shared.deps.db, made.uid)
    expect(video).toMatchObject({
      state: 'queued',
      sizeBytes: bytes.length,
      creator: 'member-481',
      meta: { name: 'harbour tour.mp4' },
      maxDurationSeconds: 600,
    })
    expect(video?.uploadedUs).toBeGreaterThan(0)
    const head = await tusCalls(shared).head(made.location)
    expect(head.headers).toMatchObject({
      'upload-offset': String(bytes.length),
      'upload-length': String(bytes.length),
      'upload-concat': `final;${parts.join(' ')}`,
      'upload-metadata': header['upload-metadata'],
    })

    await untilWhole(shared, made.uid)
    expect(await shared.sourceHash(made.uid)).toBe(sha256(bytes))
    const { db } = shared.deps
    const blob = await db
      .selectFrom('blobs')
      .selectAll()
      .where('video_uid', '=', made.uid)
      .executeTakeFirstOrThrow()
    expect(blob.size_bytes).toBe(bytes.length)
    expect(Buffer.from(blob.checksums)).toEqual(checksumsOf(bytes))
    const jobs = await db
      .selectFrom('jobs')
      .select(['kind', 'state'])
      .where('video_uid', '=', made.uid)
      .execute()
    expect(jobs).toContainEqual({ kind: 'ingest', state: 'queued' })
    expect(
      await db.selectFrom('concatenations').selectAll().where('video_uid', '=', made.uid).execute(),
    ).toEqual([])
    for (const part of parts) expect((await tusCalls(shared).head(part)).status).toBe(200)
  })

  test('takes no bytes of its own: 403', async () => {
    const part = await makePart(shared, testBytes(10))
    const made = await makeFinal(shared, [part.location])
    for (const offset of [0, 10]) {
      const answer = await tusCalls(shared).patch(made.location, offset, Buffer.from('x'))
      expect([answer.status, refusalOf(answer).code]).toEqual([403, 10005])
    }
    const headers = { ...CHUNK_TYPE, 'upload-concat': `final;${part.location}` }
    const answer = await call(
      'POST',
      shared.endpoint,
      { ...tusCalls(shared).auth, ...headers },
      Buffer.from('x'),
    )
    expect(answer.status).toBe(403)
  })

  test('is made of addresses of every form, and of one part many times', async () => {
    const bytes = testBytes(70_000)
    const owned = await makePart(shared, bytes)
    const direct = await makePart(shared, bytes, '?direct_user=true')
    expect(direct.location).toMatch(/\/upload\/tus\/[A-Za-z0-9_-]{43}$/)
    const forms = [
      owned.location,
      owned.path,
      owned.path.replace('?tusv2=true', ''),
      direct.location,
      direct.path,
      direct.location.replace(shared.url, 'https://videos.example.com'),
    ]
    const made = await makeFinal(shared, [...forms.slice(0, 3), '', ...forms.slice(3)])
    expect(made.status).toBe(201)
    await untilWhole(shared, made.uid)
    expect(await shared.sourceHash(made.uid)).toBe(sha256(Buffer.concat(forms.map(() => bytes))))
    // Another video of the same parts, with an address that needs no credentials.
    const linked = await makeFinal(shared, [direct.path, owned.path], { query: '?direct_user=true' })
    expect((await call('HEAD', linked.location, TUS)).headers['upload-offset']).toBe('140000')
    await untilWhole(shared, linked.uid)
    expect(await shared.sourceHash(linked.uid)).toBe(sha256(Buffer.concat([bytes, bytes])))
  })

  test('asked for again is the same video, while another one has its own', async () => {
    await withServer({}, async (server) => {
      const parts = [
        (await makePart(server, testBytes(100))).location,
        (await makePart(server, testBytes(7))).path,
      ]
      const headers = { 'upload-metadata': metadata({ name: 'one' }) }
      const answers = await Promise.all([1, 2, 3].map(() => makeFinal(server, parts, { headers })))
      await concatenateOnce(server)
      answers.push(await makeFinal(server, parts, { headers }))
      expect(
        new Set(answers.map((answer) => [answer.status, answer.uid, answer.location].join(' '))).size,
      ).toBe(1)
      expect(await server.deps.db.selectFrom('videos').select('uid').execute()).toHaveLength(1)
      for (const other of [{}, { ...headers, 'upload-creator': 'somebody' }]) {
        expect((await makeFinal(server, parts, { headers: other })).uid).not.toBe(answers[0]?.uid)
      }
      expect((await makeFinal(server, parts.toReversed(), { headers })).uid).not.toBe(answers[0]?.uid)
      // A deleted one is not answered with.
      await deleteVideo(server.deps, server.accountId, answers[0]?.uid ?? '')
      const anew = await makeFinal(server, parts, { headers })
      expect([anew.status, anew.uid === answers[0]?.uid]).toEqual([201, false])
    })
  })

  test('of no bytes is a source of no bytes', async () => {
    const part = await tusCalls(shared).create(0, { headers: PARTIAL })
    const made = await makeFinal(shared, [part.location])
    await untilWhole(shared, made.uid)
    expect(await shared.sourceHash(made.uid)).toBe(sha256(Buffer.alloc(0)))
  })
})

describe('a partial upload', () => {
  test('is no video: no uid, nothing in the list, no reservation', async () => {
    await withServer({ limits: { storageMinutes: 10 } }, async (server) => {
      const calls = tusCalls(server)
      const header = metadata({ name: 'part', maxDurationSeconds: '600', expiry: '2020-01-01T00:00:00Z' })
      const made = await calls.create(10 * MIB, { headers: { ...PARTIAL, 'upload-metadata': header } })
      expect(made.status).toBe(201)
      expect(made.headers).not.toHaveProperty('stream-media-id')
      expect(Date.parse(made.headers['upload-expires'] as string) - Date.now()).toBeGreaterThan(86_000_000)
      expect((await calls.head(made.location)).headers).toMatchObject({
        'upload-concat': 'partial',
        'upload-metadata': header,
        'upload-offset': '0',
      })
      expect(await server.deps.db.selectFrom('videos').selectAll().execute()).toEqual([])
      const whole = { headers: { 'upload-metadata': metadata({ maxDurationSeconds: '600' }) } }
      expect((await calls.create(10, whole)).status).toBe(201)
    })
  })

  test('keeps the rules of chunks, and goes on after a break', async () => {
    const bytes = testBytes(11 * MIB)
    const calls = tusCalls(shared)
    const made = await calls.create(bytes.length, {
      headers: { ...PARTIAL, ...CHUNK_TYPE },
      body: bytes.subarray(0, 5 * MIB),
    })
    expect(made.headers['upload-offset']).toBe(String(5 * MIB))
    expect((await calls.patch(made.location, 5 * MIB, bytes.subarray(0, MIB))).status).toBe(400)
    const last = await calls.patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))
    expect([last.status, last.headers['upload-offset']]).toEqual([204, String(bytes.length)])
    expect((await calls.patch(made.location, bytes.length, Buffer.from('x'))).status).toBe(400)
    expect((await calls.head(made.location)).headers['upload-expires']).toBe(made.headers['upload-expires'])
  })

  test('is deleted a day after its creation: 410 for a day, then 404', async () => {
    await withServer({}, async (server) => {
      const calls = tusCalls(server)
      const whole = await makePart(server, testBytes(100))
      const half = await calls.create(6 * MIB, { headers: PARTIAL })
      await calls.patch(half.location, 0, testBytes(5 * MIB))
      server.forward(DAY_SECONDS - 60)
      expect(await sweepUploads(server.deps)).toBe(0)
      expect((await calls.head(whole.location)).status).toBe(200)
      server.forward(61)
      expect(await sweepUploads(server.deps)).toBe(2)
      expect(await draftsOf(server)).toEqual([])
      for (const { location } of [whole, half]) {
        expect((await calls.head(location)).status).toBe(410)
        const answer = await makeFinal(server, [location])
        expect([answer.status, refusalOf(answer).code]).toEqual([400, 10005])
      }
      server.forward(DAY_SECONDS)
      expect((await calls.head(whole.location)).status).toBe(404)
      await sweep(server.deps)
      expect(await server.deps.db.selectFrom('uploads').selectAll().execute()).toEqual([])
    })
  })

  test('that was ended is gone with its bytes', async () => {
    await withServer({}, async (server) => {
      const part = await makePart(server, testBytes(100))
      expect((await call('DELETE', part.location, tusCalls(server).auth)).status).toBe(204)
      expect(await draftsOf(server)).toEqual([])
      expect((await tusCalls(server).head(part.location)).status).toBe(410)
      expect((await makeFinal(server, [part.location])).status).toBe(400)
    })
  })

  test('outlives its day and its end while a video is being made of it', async () => {
    await withServer({}, async (server) => {
      const bytes = testBytes(9 * MIB)
      const ended = await makePart(server, bytes.subarray(0, 5 * MIB))
      const expiring = await makePart(server, bytes.subarray(5 * MIB))
      const made = await makeFinal(server, [ended.location, expiring.location])
      expect((await call('DELETE', ended.location, tusCalls(server).auth)).status).toBe(204)
      server.forward(2 * DAY_SECONDS + 1)
      expect(await sweepUploads(server.deps)).toBe(0)
      await sweep(server.deps)
      await sweepLeftovers(server.deps, { graceMs: 0 })
      await concatenateOnce(server)
      expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
      expect(await sweepUploads(server.deps)).toBe(2)
      expect(await draftsOf(server)).toEqual([])
    })
  })
})

describe('refused with 400, and no video is made', () => {
  const cases: [string, (server: UploadServer, good: string) => string | Promise<string>, string][] = [
    ['no list', () => 'final', '`partial`, or `final;`'],
    ['another word', () => 'first', '`partial`, or `final;`'],
    ['nothing', () => '', '`partial`, or `final;`'],
    ['an empty list', () => 'final; ', 'names no partial upload'],
    ['no address', (_, good) => `final;${good} nowhere`, 'part 2 is no address'],
    ['an address of something else', (server) => `final;${server.endpoint}`, 'part 1 is no address'],
    ['another scheme', () => 'final;ftp://example.com/upload/tus/x', 'part 1 is no address'],
    ['a path that climbs', () => 'final;/upload/tus/../x', 'part 1 is no address'],
    ['characters beyond ASCII', () => 'final;/upload/tus/\u00e4', '`partial`, or `final;`'],
    ['commas', (_, good) => `final;${good},${good}`, 'part 1 is no address'],
    ['an unknown upload', () => `final;/upload/tus/${'x'.repeat(43)}`, 'part 1 is no partial upload'],
    [
      'an ordinary upload',
      async (server, good) => `final;${good} ${(await tusCalls(server).create(0)).location}`,
      'part 2 is no partial upload of this account',
    ],
    [
      'an incomplete one',
      async (server) => `final;${(await tusCalls(server).create(5, { headers: PARTIAL })).location}`,
      'part 1 is not complete: 0 of 5 bytes',
    ],
    [
      'one of another account',
      (server, good) => `final;${good.replace(server.accountId, 'f'.repeat(32))}`,
      'part 1 is no partial upload of this account',
    ],
    [
      'too many',
      () => `final;${Array.from({ length: 101 }, () => '/upload/tus/x').join(' ')}`,
      'at most 100',
    ],
  ]
  test.each(cases)('%s', async (_, header, words) => {
    const good = await makePart(shared, testBytes(10))
    const sent = await header(shared, good.location)
    const count = async () => (await shared.deps.db.selectFrom('videos').select('uid').execute()).length
    const before = await count()
    const headers = { ...tusCalls(shared).auth, 'upload-concat': sent, 'upload-length': '10' }
    const answer = await call('POST', shared.endpoint, headers)
    expect([answer.status, refusalOf(answer).code]).toEqual([400, 10005])
    expect(refusalOf(answer).message).toContain(words)
    expect(await count()).toBe(before)
  })

  test('a link of another account, though its secret is known', async () => {
    const direct = await makePart(shared, testBytes(10), '?direct_user=true')
    await shared.deps.db
      .updateTable('uploads')
      .set({ account_id: 'f'.repeat(32) })
      .where('id', '=', direct.path.split('/').at(-1) ?? '')
      .execute()
    const answer = await makeFinal(shared, [direct.location])
    expect(refusalOf(answer).message).toContain('part 1 is no partial upload of this account')
  })

  test('metadata is read as ever, and of a part its syntax only', async () => {
    const part = await makePart(shared, testBytes(10))
    const bad = { 'upload-metadata': metadata({ maxDurationSeconds: 'long' }) }
    expect((await makeFinal(shared, [part.location], { headers: bad })).status).toBe(400)
    expect((await tusCalls(shared).create(1, { headers: { ...PARTIAL, ...bad } })).status).toBe(201)
    const broken = { ...PARTIAL, 'upload-metadata': 'name ***' }
    expect((await tusCalls(shared).create(1, { headers: broken })).status).toBe(400)
  })
})

test('more than 30 GiB together: 413', async () => {
  await withServer({}, async (server) => {
    const part = await makePart(server, testBytes(10))
    // As if that much had been sent.
    await server.deps.db
      .updateTable('uploads')
      .set({ length_bytes: 15 * GIB })
      .execute()
    const answer = await makeFinal(server, [part.location, part.location, part.location])
    expect([answer.status, refusalOf(answer).code]).toEqual([413, 10008])
    expect((await makeFinal(server, [part.location, part.location])).status).not.toBe(413)
  })
})

test('the limits of new videos hold: 429, 413, 507', async () => {
  const part = (server: UploadServer) => makePart(server, testBytes(10))
  await withServer({ limits: { videosInWork: 1 } }, async (server) => {
    const { location } = await part(server)
    expect((await makeFinal(server, [location])).status).toBe(201)
    expect((await makeFinal(server, [location, location])).status).toBe(429)
    // A client hears of it before it sends the parts of the next one.
    expect((await tusCalls(server).create(10, { headers: PARTIAL })).status).toBe(429)
  })
  await withServer({ limits: { storageMinutes: 1 } }, async (server) => {
    const headers = { 'upload-metadata': metadata({ maxDurationSeconds: '61' }) }
    expect((await makeFinal(server, [(await part(server)).location], { headers })).status).toBe(413)
  })
})
