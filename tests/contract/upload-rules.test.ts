/** Rules of uploads that no other file shows: uploads.md §2.3, §2.5, §7, §8. docs/uploads.md says which file shows which. */

import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getVideo, type Video } from '../../src/core/videos/index.ts'
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
  type UploadServer,
} from './tus-fixture.ts'

const IN_WORK = ['downloading', 'queued', 'inprogress'] as const

let server: UploadServer
beforeAll(async () => {
  server = await startUploadServer()
})
afterAll(() => server.stop())

test.each([
  ['other fields', metadata({ name: 'another', maxDurationSeconds: '1', requiresignedurls: '' })],
  ['what a creation would refuse', 'name ***'],
])('Upload-Metadata on a chunk changes nothing (%s)', async (_, header) => {
  const calls = tusCalls(server)
  const sent = metadata({ name: 'film.mp4' })
  const made = await calls.create(6 * MIB, { headers: { 'upload-metadata': sent } })
  const before = await getVideo(server.deps.db, made.uid)
  const bytes = testBytes(6 * MIB)
  const extra = { 'upload-metadata': header }
  expect((await calls.patch(made.location, 0, bytes.subarray(0, 5 * MIB), extra)).status).toBe(204)
  expect(await getVideo(server.deps.db, made.uid)).toEqual(before)
  expect((await calls.head(made.location)).headers['upload-metadata']).toBe(sent)
  expect((await calls.patch(made.location, 5 * MIB, bytes.subarray(5 * MIB), extra)).status).toBe(204)
  expect(await getVideo(server.deps.db, made.uid)).toMatchObject({
    state: 'queued',
    meta: { name: 'film.mp4' },
    requireSignedUrls: false,
    maxDurationSeconds: null,
  })
})

test.each([
  ['of an account', ''],
  ['of a one-time link', '?direct_user=true'],
])('GET on the address of a finished upload is 405/10006 (%s)', async (_, query) => {
  const calls = tusCalls(server)
  const made = await calls.create(3, { query })
  expect((await calls.patch(made.location, 0, Buffer.from('abc'))).status).toBe(204)
  const answer = await call('GET', made.location, calls.auth)
  expect([answer.status, refusalOf(answer).code]).toEqual([405, 10006])
  expect(answer.headers.allow).toBe('OPTIONS, HEAD, PATCH, DELETE')
})

test('120 videos may be in work at a time, and only those in work count', async () => {
  const own = await startUploadServer()
  try {
    const calls = tusCalls(own)
    const moveTo = (uid: string, state: Video['state']) =>
      own.deps.db.updateTable('videos').set({ state }).where('uid', '=', uid).execute()
    for (let made = 0; made < 120; made += 1) {
      const { status, uid } = await calls.create(0)
      expect(status).toBe(201)
      await moveTo(uid, IN_WORK[made % IN_WORK.length] ?? 'queued')
    }
    const refused = await calls.create(0)
    expect([refused.status, refusalOf(refused).code, refused.headers['retry-after']]).toEqual([
      429,
      10009,
      '30',
    ])
    const [first] = await own.deps.db.selectFrom('videos').select('uid').limit(1).execute()
    for (const state of ['ready', 'error', 'pendingupload'] as const) {
      await moveTo(first?.uid ?? '', state)
      expect((await calls.create(10)).status, state).toBe(201)
    }
    await moveTo(first?.uid ?? '', 'inprogress')
    expect((await calls.create(10)).status).toBe(429)
  } finally {
    await own.stop()
  }
})

test('an upload under way is finished though the storage has been used up meanwhile', async () => {
  const own = await startUploadServer({ limits: { storageMinutes: 10 } })
  try {
    const calls = tusCalls(own)
    const bytes = testBytes(6 * MIB)
    const made = await calls.create(bytes.length)
    await own.deps.db.updateTable('storage_totals').set({ seconds: 601 }).execute()
    const refused = await calls.create(10)
    expect([refused.status, refusalOf(refused).code]).toEqual([413, 10011])
    const headers = { ...calls.auth, ...CHUNK_TYPE, 'upload-offset': '0' }
    expect((await call('PATCH', made.location, headers, bytes)).status).toBe(204)
    expect(await own.sourceHash(made.uid)).toBe(sha256(bytes))
  } finally {
    await own.stop()
  }
})

test.each([
  ['410', DAY_SECONDS + 60],
  ['404', 2 * DAY_SECONDS + 60],
])('tus-js-client with an upload that has expired makes a new one (%s)', async (status, laterSeconds) => {
  const own = await startUploadServer()
  try {
    const calls = tusCalls(own)
    const bytes = testBytes(6 * MIB)
    const old = await calls.create(bytes.length)
    expect((await calls.patch(old.location, 0, bytes.subarray(0, 5 * MIB))).status).toBe(204)
    own.forward(laterSeconds)
    expect((await calls.head(old.location)).status).toBe(Number(status))
    const methods: string[] = []
    const url = await new Promise<string>((resolve, reject) => {
      const upload: Upload = new Upload(bytes, {
        endpoint: own.endpoint,
        uploadUrl: old.location,
        headers: { Authorization: `Bearer ${own.token}` },
        chunkSize: 5 * MIB,
        onBeforeRequest: (sent) => void methods.push(sent.getMethod()),
        onError: reject,
        onSuccess: () => resolve(upload.url ?? ''),
      })
      upload.start()
    })
    expect(methods).toEqual(['HEAD', 'POST', 'PATCH', 'PATCH'])
    expect(url).not.toBe(old.location)
    const uid = /media\/([0-9a-f]{32})/.exec(url)?.[1] ?? ''
    expect(await own.sourceHash(uid)).toBe(sha256(bytes))
  } finally {
    await own.stop()
  }
})
