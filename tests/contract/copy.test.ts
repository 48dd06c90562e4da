/** Upload from a URL, as it is asked for: api.md §4.8. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Origin, startOrigin } from '../harness/origin.ts'
import { type CopyServer, startCopyServer } from './copy-fixture.ts'
import { SDKS, violations } from './sdk.ts'
import { metadata, MIB, sha256, testBytes } from './tus-fixture.ts'

const BYTES = testBytes(MIB + 123)
const DAY_MS = 86_400_000

let server: CopyServer
/** Accepts only: for what would be fetched from nowhere. */
let idle: CopyServer
let origin: Origin

beforeAll(async () => {
  server = await startCopyServer()
  idle = await startCopyServer({ idle: true })
  origin = await startOrigin(
    { bytes: BYTES, etag: '"one"' },
    {
      path: '/folder/harbour%20tour.mp4?sig=a%2Fb',
      behaviour: {
        instead: ({ url }, outgoing) => url === '/none' && Boolean(outgoing.writeHead(404).end()),
      },
    },
  )
})
afterAll(async () => {
  await server.stop()
  await idle.stop()
  await origin.stop()
  expect(violations).toEqual([])
})

describe.each(SDKS)('cloudflare %s', (_version, create) => {
  test('stream.copy.create answers the video at once, downloading; then its file is here', async () => {
    const client = create({ baseURL: `${server.url}/client/v4`, apiToken: server.token })
    const account = { account_id: server.accountId }
    const deletion = new Date(Date.now() + 40 * DAY_MS).toISOString()
    const video = await client.stream.copy.create({
      ...account,
      url: origin.url,
      allowedOrigins: ['example.com'],
      creator: 'creator-id_abcde12345',
      meta: { name: 'video12345', season: 4 },
      requireSignedURLs: true,
      scheduledDeletion: deletion,
      thumbnailTimestampPct: 0.529241,
    })
    expect(video).toMatchObject({
      status: { state: 'downloading', errorReasonCode: '', errorReasonText: '' },
      allowedOrigins: ['example.com'],
      creator: 'creator-id_abcde12345',
      meta: { name: 'video12345', season: 4, 'downloaded-from': origin.url },
      requireSignedURLs: true,
      thumbnailTimestampPct: 0.529241,
      readyToStream: false,
      size: 0,
      duration: -1,
      uploadExpiry: null,
    })
    expect(video.status).not.toHaveProperty('pctComplete')
    expect(Date.parse(video.scheduledDeletion ?? '')).toBe(Date.parse(deletion))
    expect(video.uploaded).toBe(video.created)
    const uid = video.uid ?? ''
    expect(await server.settled(uid)).toMatchObject({ state: 'queued', sizeBytes: BYTES.length })
    expect(await server.sourceHash(uid)).toBe(sha256(BYTES))
    const shown = await client.stream.get(uid, account)
    expect(shown).toMatchObject({ size: BYTES.length, uploaded: video.uploaded })
  })

  test('an address that is none is its BadRequestError, an unknown watermark its NotFoundError', async () => {
    const client = create({ baseURL: `${idle.url}/client/v4`, apiToken: idle.token })
    const account = { account_id: idle.accountId }
    await expect(
      client.stream.copy.create({ ...account, url: 'ftp://example.com/a.mp4' }),
    ).rejects.toMatchObject({ status: 400, errors: [{ code: 10005 }] })
    const watermark = { uid: 'ea95132c15732412d22c1476fa83f27a' }
    await expect(
      client.stream.copy.create({ ...account, url: 'https://example.com/a.mp4', watermark }),
    ).rejects.toMatchObject({ status: 404, errors: [{ code: 10003 }] })
  })

  test('is told by the video what was wrong at its origin', async () => {
    const client = create({ baseURL: `${server.url}/client/v4`, apiToken: server.token })
    const account = { account_id: server.accountId }
    const url = new URL('/none', origin.url).href
    const { uid = '' } = await client.stream.copy.create({ ...account, url })
    await server.settled(uid)
    expect((await client.stream.get(uid, account)).status).toMatchObject({
      state: 'error',
      errorReasonCode: 'ERR_FETCH_ORIGIN_ERROR',
      errorReasonText: expect.stringContaining('there is no such file'),
    })
  })
})

describe('the name', () => {
  test.each([
    ['of the file', { url: 'https://example.com/a/harbour%20tour.mp4?x=y#z' }, 'harbour tour.mp4'],
    ['behind encoded slashes', { url: 'https://example.com/o/videos%2Ffilm.mp4?alt=media' }, 'film.mp4'],
    ['with a lone percent sign', { url: 'https://example.com/100%.mp4' }, '100%.mp4'],
    ['of the older field', { url: 'https://example.com/a.mp4', name: 'older' }, 'older'],
    ['of meta', { url: 'https://example.com/a.mp4', name: 'older', meta: { name: 'mine' } }, 'mine'],
    ['left empty on purpose', { url: 'https://example.com/a.mp4', meta: { name: '' } }, ''],
    ['of nothing', { url: 'https://example.com/' }, undefined],
  ])('%s', async (_, body, name) => {
    expect((await idle.accepted(body)).meta.name).toBe(name)
  })
})

describe('a request', () => {
  test('may call the address input, which wins over url, and knows its keys in any case', async () => {
    const { meta } = await idle.accepted({
      INPUT: 'https://example.com/a.mp4',
      url: 'https://example.com/b.mp4',
    })
    expect(meta).toEqual({ name: 'a.mp4', 'downloaded-from': 'https://example.com/a.mp4' })
  })

  test('keeps user name and password to itself', async () => {
    const answer = await idle.copy({ url: 'https://user:se%63ret@example.com/a.mp4?x=1' })
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('"downloaded-from":"https://example.com/a.mp4?x=1"')
    expect(answer.text).not.toMatch(/user:|ret@/)
  })

  test('may carry the headers of an upload; the body wins', async () => {
    const headers = {
      'upload-creator': 'header-creator',
      'upload-metadata': `${metadata({ name: 'header', kept: 'yes', allowedorigins: 'a.com', maxDurationSeconds: '60' })},requiresignedurls`,
    }
    const url = 'https://example.com/a.mp4'
    expect(await idle.accepted({ url }, headers)).toMatchObject({
      creator: 'header-creator',
      meta: { name: 'header', kept: 'yes' },
      allowedOrigins: ['a.com'],
      requireSignedURLs: true,
      maxDurationSeconds: 60,
    })
    const body = {
      url,
      creator: 'body-creator',
      meta: { name: 'body' },
      requireSignedURLs: false,
      allowedOrigins: [],
    }
    expect(await idle.accepted(body, headers)).toMatchObject({
      creator: 'body-creator',
      meta: { name: 'body', kept: 'yes' },
      allowedOrigins: [],
      requireSignedURLs: false,
    })
  })

  test.each([
    ['no address', {}, 400, 10005],
    ['another scheme', { url: 'ftp://example.com/a.mp4' }, 400, 10005],
    ['a file', { input: 'file:///etc/passwd' }, 400, 10005],
    ['no address at all', { url: 'a.mp4' }, 400, 10005],
    ['an endless address', { url: `https://example.com/${'a'.repeat(9_000)}` }, 400, 10005],
    ['a number for an address', { url: 5 }, 400, 10004],
    ['a list for meta', { url: 'https://example.com/a.mp4', meta: [] }, 400, 10004],
    ['a text for a boolean', { url: 'https://example.com/a.mp4', requireSignedURLs: 'yes' }, 400, 10004],
    ['a long creator', { url: 'https://example.com/a.mp4', creator: 'x'.repeat(65) }, 400, 10005],
    ['a huge meta', { url: 'https://example.com/a.mp4', meta: { a: 'x'.repeat(33_000) } }, 400, 10005],
    ['a wrong origin', { url: 'https://example.com/a.mp4', allowedOrigins: ['a/b'] }, 400, 10005],
    [
      'a thumbnail beyond the end',
      { url: 'https://example.com/a.mp4', thumbnailTimestampPct: 1.1 },
      400,
      10005,
    ],
    [
      'a deletion tomorrow',
      { url: 'https://example.com/a.mp4', scheduledDeletion: new Date(Date.now() + DAY_MS).toISOString() },
      400,
      10060,
    ],
    ['an unknown watermark', { url: 'https://example.com/a.mp4', watermark: { uid: 'x' } }, 404, 10003],
  ])('with %s is refused, and nothing is left', async (_, body, status, number) => {
    const before = await idle.deps.db.selectFrom('videos').select('uid').execute()
    const answer = await idle.copy(body)
    expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([status, number])
    expect(await idle.deps.db.selectFrom('videos').select('uid').execute()).toHaveLength(before.length)
  })

  test('does not tell a password in its refusal', async () => {
    const answer = await idle.copy({ url: 'ftp://user:secret@example.com/' })
    expect(answer.text).not.toContain('secret')
  })

  test('by a token that only reads is refused', async () => {
    const answer = await idle.copy({ url: origin.url }, { authorization: `Bearer ${idle.readToken}` })
    expect(answer.status).toBe(403)
  })
})

describe('limits', () => {
  test('too many videos in work: 429/10009', async () => {
    const full = await startCopyServer({ idle: true, limits: { videosInWork: 2 } })
    try {
      const url = 'https://example.com/a.mp4'
      await full.accepted({ url })
      await full.accepted({ url })
      const answer = await full.copy({ url })
      expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([429, 10009])
      expect(answer.headers['retry-after']).toBe('30')
    } finally {
      await full.stop()
    }
  })

  test('storage used up: 413/10011', async () => {
    const full = await startCopyServer({ idle: true, limits: { storageMinutes: 1 } })
    try {
      const headers = { 'upload-metadata': metadata({ maxDurationSeconds: '61' }) }
      const answer = await full.copy({ url: 'https://example.com/a.mp4' }, headers)
      expect([answer.status, JSON.parse(answer.text).errors[0].code]).toEqual([413, 10011])
    } finally {
      await full.stop()
    }
  })

  test('no room on the disk: 507', async () => {
    const full = await startCopyServer({ idle: true, limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } })
    try {
      expect((await full.copy({ url: 'https://example.com/a.mp4' })).status).toBe(507)
    } finally {
      await full.stop()
    }
  })
})
