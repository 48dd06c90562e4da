/** How long upload addresses live, who may use them, and what limits new ones: uploads.md §2.4, §2.5, §3.4, §3.7, §7, §8. */

import { describe, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { draftsOf } from './concatenation-fixture.ts'
import {
  call,
  CHUNK_TYPE,
  metadata,
  MIB,
  DAY_SECONDS,
  RawClient,
  TUS,
  refusalOf,
  sha256,
  testBytes,
  until,
  startUploadServer,
  tusCalls,
} from './tus-fixture.ts'
import { useUploadServer } from './use-upload-server.ts'

const uploads = useUploadServer()
const { create, patch, head } = uploads

describe('one-time addresses, §2.4', () => {
  test('work without credentials and take nothing after the end', async () => {
    const bytes = testBytes(MIB)
    const made = await create(bytes.length, { query: '?direct_user=true' })
    const sent = { ...TUS, ...CHUNK_TYPE, 'upload-offset': '0', authorization: 'Bearer of-somebody-else' }
    expect((await call('PATCH', made.location, sent, bytes)).status).toBe(204)
    expect((await call('HEAD', made.location, TUS)).headers['upload-offset']).toBe(String(bytes.length))
    const again = { ...sent, 'upload-offset': String(bytes.length) }
    expect((await call('PATCH', made.location, again, Buffer.from('x'))).status).toBe(400)
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(bytes))
  })

  test('are no addresses of the account, nor the other way round', async () => {
    const direct = await create(10, { query: '?direct_user=true' })
    const secret = direct.location.split('/').at(-1) ?? ''
    const base = `${uploads.server.url}/client/v4/accounts/${uploads.server.accountId}/media`
    expect((await head(`${base}/${secret}`)).status).toBe(404)
    expect((await head(`${base}/${direct.uid}`)).status).toBe(404)
    const owned = await create(10)
    expect((await head(`${uploads.server.url}/upload/tus/${owned.uid}`)).status).toBe(404)
  })

  test('answer HEAD for a day after the end', async () => {
    const on = await startUploadServer()
    try {
      const made = await tusCalls(on).create(1, { query: '?direct_user=true' })
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
      const made = await tusCalls(on).create(6 * MIB)
      on.forward(DAY_SECONDS - 60)
      expect((await patch(made.location, 0, testBytes(5 * MIB))).headers['upload-expires']).toBe(
        made.headers['upload-expires'],
      )
      on.forward(61)
      for (const answer of [
        await patch(made.location, 5 * MIB, testBytes(MIB)),
        await call('DELETE', made.location, uploads.auth),
      ]) {
        expect([answer.status, refusalOf(answer).code]).toEqual([410, 10010])
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
      const made = await tusCalls(on).create(10, { headers: { 'upload-metadata': metadata({ expiry }) } })
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
    const answer = await call('DELETE', made.location, uploads.auth)
    expect(answer).toMatchObject({ status: 204, text: '' })
    expect(await getVideo(uploads.server.deps.db, made.uid)).toBeUndefined()
    expect((await head(made.location)).status).toBe(410)
    expect((await patch(made.location, 5 * MIB, testBytes(MIB))).status).toBe(410)
    expect((await call('DELETE', made.location, uploads.auth)).status).toBe(410)
    const row = await uploads.server.deps.db
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
    expect(await getVideo(uploads.server.deps.db, made.uid)).toMatchObject({ state: 'queued' })
    expect(await uploads.server.sourceHash(made.uid)).toBe(sha256(Buffer.from('x')))
  })

  test('needs the version', async () => {
    const made = await create(1)
    const answer = await call('DELETE', made.location, { authorization: uploads.auth.authorization ?? '' })
    expect(answer.status).toBe(412)
  })
})

test('deleting the video through the API ends its upload: 404, §2.5', async () => {
  const made = await create(6 * MIB)
  await patch(made.location, 0, testBytes(5 * MIB))
  const deleted = await call('DELETE', `${uploads.server.endpoint}/${made.uid}`, uploads.auth)
  expect(deleted.status).toBe(200)
  expect((await head(made.location)).status).toBe(404)
  expect((await patch(made.location, 5 * MIB, testBytes(MIB))).status).toBe(404)
})

test.each([
  ['that is not its last', 6 * MIB],
  ['that is its last', 5 * MIB],
])(
  'deleting the video while a chunk comes %s ends that with 404, and nothing is left, §2.5',
  async (_, length) => {
    const bytes = testBytes(5 * MIB)
    const drafts = (await draftsOf(uploads.server)).length
    const made = await create(length)
    const sender = new RawClient(uploads.server.port)
    await sender.head(...uploads.patchLines(made.path, 0, bytes.length))
    await sender.bytes(bytes.subarray(0, 2 * MIB))
    await until(async () => (await draftsOf(uploads.server)).length > drafts)
    expect((await call('DELETE', `${uploads.server.endpoint}/${made.uid}`, uploads.auth)).status).toBe(200)
    await sender.bytes(bytes.subarray(2 * MIB))
    expect((await sender.answer())?.status).toBe(404)
    sender.socket.destroy()
    expect((await head(made.location)).status).toBe(404)
    expect(await draftsOf(uploads.server)).toHaveLength(drafts)
    await expect(uploads.server.sourceHash(made.uid)).rejects.toThrow()
  },
)

describe('limits, §7 and §8', () => {
  test('videos in work: 429 with a time to come back', async () => {
    const on = await startUploadServer({ limits: { videosInWork: 2 } })
    try {
      await tusCalls(on).create(0)
      await tusCalls(on).create(0)
      const answer = await tusCalls(on).create(10)
      expect([answer.status, refusalOf(answer).code, answer.headers['retry-after']]).toEqual([
        429,
        10009,
        '30',
      ])
    } finally {
      await on.stop()
    }
  })

  test('storage minutes: reserved by the maximum duration, freed by expiry and deletion', async () => {
    const on = await startUploadServer({ limits: { storageMinutes: 60 } })
    const of = (seconds: number) => ({ 'upload-metadata': metadata({ maxDurationSeconds: String(seconds) }) })
    try {
      const first = await tusCalls(on).create(10, { headers: of(3_000) })
      expect(first.status).toBe(201)
      const refused = await tusCalls(on).create(10, { headers: of(601) })
      expect([refused.status, refusalOf(refused).code]).toEqual([413, 10011])
      expect(JSON.parse(refused.text).messages[0].message).toContain('50 of 60')
      expect((await tusCalls(on).create(10, { headers: of(600) })).status).toBe(201)
      expect((await tusCalls(on).create(10, { query: '?direct_user=true' })).status).toBe(413)
      expect((await tusCalls(on).create(10)).status).toBe(201)
      await call('DELETE', first.location, uploads.auth)
      expect((await tusCalls(on).create(10, { headers: of(3_000) })).status).toBe(201)
      expect((await tusCalls(on).create(10, { headers: of(1) })).status).toBe(413)
      on.forward(DAY_SECONDS + 1)
      expect((await tusCalls(on).create(10, { headers: of(3_600) })).status).toBe(201)
    } finally {
      await on.stop()
    }
  })

  test('room on the disk: 507 before anything is made', async () => {
    const on = await startUploadServer({ limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } })
    try {
      const answer = await tusCalls(on).create(10)
      expect(answer.status).toBe(507)
      expect(refusalOf(answer).message).toContain('HEADWATER_MIN_FREE_BYTES')
    } finally {
      await on.stop()
    }
  })
})
