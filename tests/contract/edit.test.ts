/** Editing and deleting, field by field (spec §3.2, §4.4, §4.5). */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Video } from '../../src/core/videos/index.ts'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { formatTimestamp } from '../../src/lib/timestamp.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { send } from '../harness/raw-http.ts'

const DAY_US = 86_400_000_000

let server: ApiServer

beforeAll(async () => {
  server = await startApi()
})
afterAll(() => server.close())

async function call(method: string, uid: string, body?: unknown) {
  const path = `/client/v4/accounts/${server.accountId}/stream/${uid}`
  const answer = await send(server.url, path, {
    method,
    headers: { authorization: `Bearer ${server.token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const envelope = answer.json()
  return { status: answer.status, ...envelope, result: envelope.result as PresentedVideo }
}

const inDays = (video: Video, days: number) => formatTimestamp(video.createdUs + days * DAY_US)

describe('an edit', () => {
  test.each([
    [{ creator: 'c'.repeat(64) }, { creator: 'c'.repeat(64) }],
    [{ creator: '' }, { creator: null }],
    [{ creator: null }, { creator: null }],
    [
      { meta: { name: 'n', deep: { list: [1, 'two', null] } } },
      { meta: { name: 'n', deep: { list: [1, 'two', null] } } },
    ],
    [{ meta: {} }, { meta: {} }],
    [
      { allowedOrigins: ['a.com', '*.b.com', 'localhost:3000', '*'] },
      { allowedOrigins: ['a.com', '*.b.com', 'localhost:3000', '*'] },
    ],
    [{ allowedOrigins: ['https://a.com'] }, { allowedOrigins: ['a.com'] }],
    [{ allowedOrigins: [] }, { allowedOrigins: [] }],
    [{ requireSignedURLs: true }, { requireSignedURLs: true }],
    [{ thumbnailTimestampPct: 0 }, { thumbnailTimestampPct: 0 }],
    [{ thumbnailTimestampPct: 1 }, { thumbnailTimestampPct: 1 }],
    [{ publicDetails: { title: 'T', media_id: 5 } }, { publicDetails: { title: 'T' } }],
    [{ scheduledDeletion: null }, { scheduledDeletion: null }],
  ])('%j is kept', async (body, expected) => {
    const { uid } = await server.addVideo({ creator: 'before', meta: { name: 'before' } })
    const edited = await call('POST', uid, body)
    expect(edited).toMatchObject({ status: 200, result: expected })
    expect((await call('GET', uid)).result).toEqual(edited.result)
  })

  test.each([
    [{ creator: 'c'.repeat(65) }, 10005],
    [{ creator: 5 }, 10004],
    [{ meta: { long: 'x'.repeat(33_000) } }, 10005],
    [{ meta: 'text' }, 10004],
    [{ allowedOrigins: Array.from({ length: 101 }, (_, at) => `h${at}.com`) }, 10005],
    [{ allowedOrigins: ['a.com/path'] }, 10005],
    [{ allowedOrigins: [5] }, 10004],
    [{ requireSignedURLs: 'yes' }, 10004],
    [{ thumbnailTimestampPct: -0.1 }, 10005],
    [{ thumbnailTimestampPct: 1.1 }, 10005],
    [{ thumbnailTimestampPct: '0.5' }, 10004],
    [{ publicDetails: { share_link: 'ftp://a' } }, 10005],
    [{ publicDetails: { logo: `https://a.com/${'x'.repeat(2_048)}` } }, 10005],
    [{ publicDetails: 'text' }, 10004],
    [{ scheduledDeletion: 'soon' }, 10005],
    [{ scheduledDeletion: 5 }, 10004],
    [{ maxDurationSeconds: 'ten' }, 10004],
    [{ uid: '0'.repeat(32) }, 10005],
  ])('%j is refused as 400/%i and changes nothing', async (body, code) => {
    const { uid } = await server.addVideo()
    const before = (await call('GET', uid)).result
    expect(await call('POST', uid, { ...body, meta: { name: 'x' }, ...body })).toMatchObject({
      status: 400,
      errors: [{ code }],
    })
    expect((await call('GET', uid)).result).toEqual(before)
  })

  test('leaves alone what it does not name, and moves modified on', async () => {
    const { uid } = await server.addVideo({ creator: 'kept', meta: { name: 'kept' } })
    const before = (await call('GET', uid)).result
    const after = (await call('POST', uid, { requireSignedURLs: true })).result
    expect(after).toMatchObject({ creator: 'kept', meta: { name: 'kept' }, created: before.created })
    expect(after.modified > before.modified).toBe(true)
  })

  test('without a field is 200 and changes nothing', async () => {
    const { uid } = await server.addVideo()
    const before = (await call('GET', uid)).result
    expect((await call('POST', uid, {})).result).toEqual(before)
    expect((await call('POST', uid, { uid })).result).toEqual(before)
  })

  test('schedules the deletion within 30 to 1,096 days after the creation', async () => {
    const video = await server.addVideo()
    for (const days of [30, 31, 1_096]) {
      const scheduledDeletion = inDays(video, days)
      expect((await call('POST', video.uid, { scheduledDeletion })).result).toMatchObject({
        scheduledDeletion,
      })
    }
    for (const days of [0, 29.9, 1_096.1]) {
      expect(await call('POST', video.uid, { scheduledDeletion: inDays(video, days) })).toMatchObject({
        status: 400,
        errors: [{ code: 10060 }],
      })
    }
    const offset = inDays(video, 40).replace('Z', '+00:00')
    expect((await call('POST', video.uid, { scheduledDeletion: offset })).result.scheduledDeletion).toBe(
      inDays(video, 40),
    )
  })

  test('merges public details member by member', async () => {
    const { uid } = await server.addVideo()
    await call('POST', uid, { publicDetails: { title: 'T', logo: 'https://a.com/l.png' } })
    const { result } = await call('POST', uid, { publicDetails: { logo: null, share_link: 'https://a.com' } })
    expect(result.publicDetails).toMatchObject({ title: 'T', logo: null, share_link: 'https://a.com' })
  })

  test('changes the limits of an upload only while it is pending', async () => {
    const pending = await server.addVideo({ state: 'pendingupload' })
    const ready = await server.addVideo()
    const uploadExpiry = inDays(pending, 2)
    expect(await call('POST', pending.uid, { maxDurationSeconds: 600, uploadExpiry })).toMatchObject({
      result: { maxDurationSeconds: 600, uploadExpiry },
    })
    for (const body of [
      { maxDurationSeconds: 0 },
      { maxDurationSeconds: 36_001 },
      { maxDurationSeconds: 1.5 },
    ]) {
      expect(await call('POST', pending.uid, body)).toMatchObject({ status: 400, errors: [{ code: 10005 }] })
    }
    for (const body of [{ maxDurationSeconds: 600 }, { uploadExpiry }]) {
      expect(await call('POST', ready.uid, body)).toMatchObject({ status: 409, errors: [{ code: 10007 }] })
    }
  })
})

describe('a deletion', () => {
  test.each(['pendingupload', 'queued', 'inprogress', 'ready', 'error'] as const)(
    'of a video that is %s works once',
    async (state) => {
      const { uid } = await server.addVideo({ state })
      expect(await call('DELETE', uid)).toEqual({
        status: 200,
        result: '',
        success: true,
        errors: [],
        messages: [],
      })
      expect(await call('DELETE', uid)).toMatchObject({ status: 404, errors: [{ code: 10003 }] })
      expect(await call('GET', uid)).toMatchObject({ status: 404, errors: [{ code: 10003 }] })
    },
  )

  test('of a running broadcast is 409/10046', async () => {
    const { uid } = await server.addVideo({ state: 'live-inprogress' })
    expect(await call('DELETE', uid)).toMatchObject({ status: 409, errors: [{ code: 10046 }] })
    expect((await call('GET', uid)).status).toBe(200)
  })
})
