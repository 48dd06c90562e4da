/** When uploads expire, what is told then and what is cleaned up: uploads.md §2.4, §2.5, §3.4. */

import { expect, test } from 'vitest'
import { finishStalledUploads, sweepUploads } from '../../src/core/uploads/index.ts'
import { getVideo, sweep } from '../../src/core/videos/index.ts'
import { silentLog } from '../../src/lib/log.ts'
import { draftsOf, withServer } from './concatenation-fixture.ts'
import { failOnce } from './faulty-blobs.ts'
import {
  call,
  CHUNK_TYPE,
  DAY_SECONDS,
  metadata,
  MIB,
  RawClient,
  refusalOf,
  sha256,
  testBytes,
  TUS,
  tusCalls,
  until,
  type UploadServer,
} from './tus-fixture.ts'

/** A PATCH of which the first mebibyte has come and has been found to be in time. */
async function beginPatch(
  server: UploadServer,
  path: string,
  chunk: { offset: number; bytes: Uint8Array },
): Promise<RawClient> {
  const client = new RawClient(server.port)
  await client.head(...tusCalls(server).patchLines(path, chunk.offset, chunk.bytes.length))
  await client.bytes(chunk.bytes.subarray(0, MIB))
  // There is a draft once the chunk has been accepted.
  await until(async () => (await draftsOf(server)).length > 0)
  return client
}

test('410/10010 for a day, then 404; bytes and reservation go at the expiry, the video a day later', async () => {
  await withServer({ limits: { storageMinutes: 10 } }, async (server) => {
    const calls = tusCalls(server)
    const whole = { headers: { 'upload-metadata': metadata({ maxDurationSeconds: '600' }) } }
    const made = await calls.create(6 * MIB, whole)
    await calls.patch(made.location, 0, testBytes(5 * MIB))
    expect((await calls.create(1, whole)).status).toBe(413)
    server.forward(DAY_SECONDS + 1)
    const again = await calls.create(1, whole)
    expect(again.status).toBe(201)
    expect(await draftsOf(server)).toHaveLength(1)
    expect(await sweepUploads(server.deps)).toBe(1)
    await sweep(server.deps)
    expect(await draftsOf(server)).toEqual([])
    const told = async () => {
      const patched = await calls.patch(made.location, 5 * MIB, testBytes(MIB))
      const head = await calls.head(made.location)
      expect(head.headers['upload-offset']).toBeUndefined()
      return [head.status, patched.status, refusalOf(patched).code]
    }
    expect(await told()).toEqual([410, 410, 10010])
    expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'pendingupload' })
    server.forward(DAY_SECONDS - 10)
    expect(await told()).toEqual([410, 410, 10010])
    server.forward(10)
    expect(await told()).toEqual([404, 404, 10003])
    await sweep(server.deps)
    expect(await told()).toEqual([404, 404, 10003])
    expect(await getVideo(server.deps.db, made.uid)).toBeUndefined()
    const rows = await server.deps.db.selectFrom('uploads').select('id').execute()
    expect(rows).toEqual([{ id: again.uid }])
  })
})

test('Upload-Expires is on every answer about an unfinished upload, and on none about a finished one', async () => {
  await withServer({}, async (server) => {
    const calls = tusCalls(server)
    const expiry = new Date(Date.now() + 3_600_000).toISOString()
    const header = { 'upload-metadata': metadata({ expiry }) }
    const wanted = new Date(Date.parse(expiry)).toUTCString()
    const made = await calls.create(11 * MIB, {
      headers: { ...header, ...CHUNK_TYPE },
      body: testBytes(5 * MIB),
    })
    const patched = await calls.patch(made.location, 5 * MIB, testBytes(5 * MIB))
    const empty = await calls.patch(made.location, 10 * MIB, Buffer.alloc(0))
    const unfinished = [
      await calls.create(1, { headers: header }),
      made,
      patched,
      empty,
      await calls.head(made.location),
    ]
    expect(unfinished.map((answer) => answer.headers['upload-expires'])).toEqual(unfinished.map(() => wanted))
    const last = await calls.patch(made.location, 10 * MIB, testBytes(MIB))
    const finished = [last, await calls.head(made.location), await calls.create(0)]
    expect(finished.map((answer) => answer.headers['upload-expires'])).toEqual(finished.map(() => undefined))
  })
})

test('a chunk that began in time is taken whole, and the sweep leaves it alone; the next one is too late', async () => {
  await withServer({}, async (server) => {
    const calls = tusCalls(server)
    const bytes = testBytes(20 * MIB)
    const made = await calls.create(bytes.length)
    const client = await beginPatch(server, made.path, { offset: 0, bytes: bytes.subarray(0, 5 * MIB) })
    server.forward(DAY_SECONDS + 1)
    expect(await sweepUploads(server.deps)).toBe(0)
    await client.bytes(bytes.subarray(MIB, 5 * MIB))
    const answer = await client.answer()
    expect([answer?.status, answer?.headers.get('upload-offset')]).toEqual([204, String(5 * MIB)])
    expect((await calls.patch(made.location, 5 * MIB, bytes.subarray(5 * MIB))).status).toBe(410)
    expect(await sweepUploads(server.deps)).toBe(1)
    client.socket.destroy()
  })
})

test('a last chunk that began in time completes the upload, whose address then lives for another day', async () => {
  await withServer({}, async (server) => {
    const calls = tusCalls(server)
    const bytes = testBytes(2 * MIB)
    const made = await calls.create(bytes.length, { query: '?direct_user=true' })
    const client = await beginPatch(server, made.path, { offset: 0, bytes })
    server.forward(DAY_SECONDS + 1)
    await client.bytes(bytes.subarray(MIB))
    expect((await client.answer())?.status).toBe(204)
    client.socket.destroy()
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
    server.forward(DAY_SECONDS - 60)
    const head = await call('HEAD', made.location, TUS)
    expect([head.status, head.headers['upload-offset']]).toEqual([200, String(bytes.length)])
    // One-time: no more data, whatever the offset.
    const more = { ...TUS, ...CHUNK_TYPE, 'upload-offset': String(bytes.length) }
    expect((await call('PATCH', made.location, more, Buffer.from('x'))).status).toBe(400)
    expect(
      (await call('PATCH', made.location, { ...more, 'upload-offset': '0' }, Buffer.from('x'))).status,
    ).toBe(409)
    server.forward(120)
    expect((await call('HEAD', made.location, TUS)).status).toBe(404)
    expect(await sweepUploads(server.deps)).toBe(0)
  })
})

test('who comes after the expiry while a chunk comes is told 410, and ends nobody, not even a silent sender', async () => {
  await withServer({}, async (server) => {
    const bytes = testBytes(8 * MIB)
    const made = await tusCalls(server).create(bytes.length, { query: '?direct_user=true' })
    const client = await beginPatch(server, made.path, { offset: 0, bytes: bytes.subarray(0, 5 * MIB) })
    server.forward(DAY_SECONDS + 1)
    const late = { ...TUS, ...CHUNK_TYPE, 'upload-offset': '0' }
    const answers = [
      await call('PATCH', made.location, late, bytes),
      await call('DELETE', made.location, TUS),
      await call('HEAD', made.location, TUS),
    ]
    expect(answers.map(({ status }) => status)).toEqual([410, 410, 410])
    await client.bytes(bytes.subarray(MIB, 5 * MIB))
    const answer = await client.answer()
    expect([answer?.status, answer?.headers.get('upload-offset')]).toEqual([204, String(5 * MIB)])
    client.socket.destroy()
  })
})

test.each<[string, (server: UploadServer, location: string) => Promise<unknown>]>([
  ['the server', (server) => finishStalledUploads({ ...server.deps, log: silentLog })],
  [
    'a HEAD',
    async (server, location) => {
      const head = await tusCalls(server).head(location)
      expect([head.status, head.headers['upload-offset']]).toEqual([200, String(6 * MIB)])
    },
  ],
])(
  'an upload whose bytes were all here before a crash has arrived in time, however late %s finishes it',
  async (_, finish) => {
    await withServer({ wrapBlobs: (blobs) => failOnce(blobs, 'before publishing') }, async (server) => {
      const bytes = testBytes(6 * MIB)
      const made = await tusCalls(server).create(bytes.length)
      expect((await tusCalls(server).patch(made.location, 0, bytes)).status).toBe(500)
      server.forward(DAY_SECONDS + 1)
      expect(await sweepUploads(server.deps)).toBe(0)
      await finish(server, made.location)
      expect(await getVideo(server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
      expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
    })
  },
)

test('records of uploads that expired, ended or were finished go a day after their expiry; finished videos stay', async () => {
  await withServer({}, async (server) => {
    const calls = tusCalls(server)
    const made = await Promise.all([1, 2, 3].map(() => calls.create(MIB)))
    const [expired, ended, finished] = made.map(({ location }) => location)
    await call('DELETE', ended ?? '', calls.auth)
    await calls.patch(finished ?? '', 0, testBytes(MIB))
    const statuses = () =>
      Promise.all([expired, ended, finished].map(async (url) => (await calls.head(url ?? '')).status))
    const rows = async () => (await server.deps.db.selectFrom('uploads').select('id').execute()).length
    expect([await statuses(), await rows()]).toEqual([[200, 410, 200], 3])
    server.forward(DAY_SECONDS + 1)
    await sweep(server.deps)
    expect([await statuses(), await rows()]).toEqual([[410, 410, 404], 3])
    server.forward(DAY_SECONDS)
    await sweep(server.deps)
    expect([await statuses(), await rows()]).toEqual([[404, 404, 404], 0])
    const videos = await server.deps.db.selectFrom('videos').select('uid').execute()
    expect(videos).toEqual([{ uid: made[2]?.uid }])
  })
})

test('an expiry that is moved on after the bytes are gone begins at the beginning', async () => {
  await withServer({}, async (server) => {
    const calls = tusCalls(server)
    const bytes = testBytes(6 * MIB)
    const made = await calls.create(bytes.length)
    await calls.patch(made.location, 0, bytes.subarray(0, 5 * MIB))
    server.forward(DAY_SECONDS + 1)
    await sweepUploads(server.deps)
    const uploadExpiry = new Date(Date.now() + 2 * DAY_SECONDS * 1000).toISOString()
    const json = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' }
    const edited = await call(
      'POST',
      `${server.endpoint}/${made.uid}`,
      json,
      Buffer.from(JSON.stringify({ uploadExpiry })),
    )
    expect(edited.status).toBe(200)
    expect(await calls.storedOffset(made.location)).toBe(0)
    expect((await calls.patch(made.location, 0, bytes)).status).toBe(204)
    expect(await server.sourceHash(made.uid)).toBe(sha256(bytes))
  })
})
