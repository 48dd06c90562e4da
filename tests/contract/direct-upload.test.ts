/** `client.stream.directUpload`: api.md §4.10, by the official client, and what it refuses. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { send } from '../harness/raw-http.ts'
import { fileForm, FORM, movieBytes } from './form-fixture.ts'
import { type Client, SDKS, violations } from './sdk.ts'

const DAY_MS = 86_400_000

let server: ApiServer

beforeAll(async () => {
  server = await startApi()
})
afterAll(async () => {
  await server.close()
  expect(violations).toEqual([])
})

const inDays = (days: number) => new Date(Math.round(Date.now() / 1000) * 1000 + days * DAY_MS).toISOString()

describe.each(SDKS)('cloudflare %s', (_version, create) => {
  let client: Client
  let account: { account_id: string }

  beforeAll(() => {
    client = create({ baseURL: server.apiUrl, apiToken: server.token })
    account = { account_id: server.accountId }
  })

  test('stream.directUpload.create gives a link that takes a form', async () => {
    const link = await client.stream.directUpload.create({ ...account, maxDurationSeconds: 3_600 })
    expect(link).toEqual({
      uploadURL: `${server.url}/upload/${link.uid}`,
      uid: expect.stringMatching(/^[0-9a-f]{32}$/),
      scheduledDeletion: null,
      watermark: null,
    })
    const { uid = '', uploadURL = '' } = link
    const waiting = await client.stream.get(uid, account)
    expect(waiting).toMatchObject({
      uid,
      status: { state: 'pendingupload' },
      maxDurationSeconds: 3_600,
      uploaded: null,
      creator: null,
      meta: {},
      requireSignedURLs: false,
    })
    const lifeMs = Date.parse(waiting.uploadExpiry ?? '') - Date.parse(waiting.created ?? '')
    expect(lifeMs).toBeGreaterThan(1_799_000)
    expect(lifeMs).toBeLessThanOrEqual(1_800_000)

    const form = new FormData()
    form.append('file', new Blob([new Uint8Array(movieBytes(50_000))]), 'theirs.mp4')
    const answer = await fetch(uploadURL, { method: 'POST', body: form })
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { result: { uid }, success: true, errors: [], messages: [] },
    ])
    expect(await client.stream.get(uid, account)).toMatchObject({
      status: { state: 'queued' },
      size: 50_000,
      uploaded: expect.any(String),
    })
  })

  test('every field reaches the video', async () => {
    const expiry = inDays(90)
    const scheduledDeletion = inDays(31)
    const link = await client.stream.directUpload.create({
      ...account,
      maxDurationSeconds: 36_000,
      expiry,
      creator: 'creator-id_abcde12345',
      meta: { name: 'harbour tour', season: 4 },
      allowedOrigins: ['example.com', '*.example.org'],
      requireSignedURLs: true,
      thumbnailTimestampPct: 0.529241,
      scheduledDeletion,
    })
    expect(link).toMatchObject({ creator: 'creator-id_abcde12345', watermark: null })
    expect(Date.parse(link.scheduledDeletion ?? '')).toBe(Date.parse(scheduledDeletion))
    const video = await client.stream.get(link.uid ?? '', account)
    expect(video).toMatchObject({
      maxDurationSeconds: 36_000,
      creator: 'creator-id_abcde12345',
      meta: { name: 'harbour tour', season: 4 },
      allowedOrigins: ['example.com', '*.example.org'],
      requireSignedURLs: true,
      thumbnailTimestampPct: 0.529241,
    })
    expect(Date.parse(video.uploadExpiry ?? '')).toBe(Date.parse(expiry))
    expect(Date.parse(video.scheduledDeletion ?? '')).toBe(Date.parse(scheduledDeletion))
  })

  test('the header Upload-Creator names the creator unless the body does', async () => {
    const header = { ...account, maxDurationSeconds: 1, 'Upload-Creator': 'of the header' }
    const byHeader = await client.stream.directUpload.create(header)
    expect(byHeader).toMatchObject({ creator: 'of the header' })
    const byBody = await client.stream.directUpload.create({ ...header, creator: 'of the body' })
    expect(byBody).toMatchObject({ creator: 'of the body' })
  })

  test('an unknown watermark is its NotFoundError, a duration out of range its BadRequestError', async () => {
    const watermark = { uid: 'ea95132c15732412d22c1476fa83f27a' }
    await expect(
      client.stream.directUpload.create({ ...account, maxDurationSeconds: 60, watermark }),
    ).rejects.toMatchObject({ status: 404, errors: [{ code: 10003 }] })
    await expect(
      client.stream.directUpload.create({ ...account, maxDurationSeconds: 36_001 }),
    ).rejects.toMatchObject({ status: 400, errors: [{ code: 10005 }] })
  })

  test('is told of storage that is used up, and of too many requests', async () => {
    const own = await startApi({ settings: { storageMinutes: 1, rateLimit: 2 } })
    try {
      const limited = create({ baseURL: own.apiUrl, apiToken: own.token })
      const ask = () =>
        limited.stream.directUpload.create(
          { account_id: own.accountId, maxDurationSeconds: 60 },
          { maxRetries: 0 },
        )
      expect((await ask()).uid).toMatch(/^[0-9a-f]{32}$/)
      await expect(ask()).rejects.toMatchObject({ status: 413, errors: [{ code: 10011 }] })
      await expect(ask()).rejects.toMatchObject({ status: 429, errors: [{ code: 10009 }] })
    } finally {
      await own.close()
    }
  })
})

describe('refused', () => {
  const ask = (body: unknown, headers: Record<string, string> = {}) =>
    send(server.url, `/client/v4/accounts/${server.accountId}/stream/direct_upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  test.each<[string, object, number, number, string]>([
    ['no maxDurationSeconds', {}, 400, 10005, '/maxDurationSeconds'],
    ['null', { maxDurationSeconds: null }, 400, 10004, '/maxDurationSeconds'],
    ['a text', { maxDurationSeconds: '60' }, 400, 10004, '/maxDurationSeconds'],
    ['0 seconds', { maxDurationSeconds: 0 }, 400, 10005, '/maxDurationSeconds'],
    ['half a second', { maxDurationSeconds: 0.5 }, 400, 10005, '/maxDurationSeconds'],
    ['36,001 seconds', { maxDurationSeconds: 36_001 }, 400, 10005, '/maxDurationSeconds'],
    ['an expiry in the past', { expiry: '2024-01-02T02:20:00Z' }, 400, 10005, '/expiry'],
    ['an expiry that is no time', { expiry: 'tomorrow' }, 400, 10005, '/expiry'],
    ['an expiry that is a number', { expiry: 5 }, 400, 10004, '/expiry'],
    ['a creator of 65 characters', { creator: 'c'.repeat(65) }, 400, 10005, '/creator'],
    ['meta that is a list', { meta: [] }, 400, 10004, '/meta'],
    [
      'meta of 1,000 levels',
      { meta: JSON.parse(`${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`) },
      400,
      10005,
      '/meta',
    ],
    ['meta over 32 KiB', { meta: { note: 'n'.repeat(33_000) } }, 400, 10005, '/meta'],
    ['origins that are a text', { allowedOrigins: 'example.com' }, 400, 10004, '/allowedOrigins'],
    [
      '101 origins',
      { allowedOrigins: Array.from({ length: 101 }, (_, n) => `${n}.example`) },
      400,
      10005,
      '/allowedOrigins',
    ],
    ['signing that is a text', { requireSignedURLs: 'true' }, 400, 10004, '/requireSignedURLs'],
    ['a thumbnail beyond the end', { thumbnailTimestampPct: 1.1 }, 400, 10005, '/thumbnailTimestampPct'],
    ['a deletion in 29 days', { scheduledDeletion: inDays(29) }, 400, 10060, '/scheduledDeletion'],
    ['a deletion in 1,097 days', { scheduledDeletion: inDays(1_097) }, 400, 10060, '/scheduledDeletion'],
    ['a watermark that is a text', { watermark: 'logo' }, 400, 10004, '/watermark'],
  ])('%s: nothing is made', async (what, fields, status, code, pointer) => {
    const before = await server.db.selectFrom('videos').select('uid').execute()
    const whole = what === 'no maxDurationSeconds' ? fields : { maxDurationSeconds: 60, ...fields }
    const answer = await ask(whole)
    const error = answer.json().errors[0]
    expect([answer.status, error?.code, error?.source?.pointer]).toEqual([status, code, pointer])
    expect(await server.db.selectFrom('videos').select('uid').execute()).toEqual(before)
  })

  test('keys in any case, curl’s content type and null where nothing is meant are fine', async () => {
    const answer = await ask(
      '{"MAXDURATIONSECONDS":60,"Creator":null,"scheduleddeletion":null,"watermark":null,"other":1}',
      { 'content-type': 'application/x-www-form-urlencoded' },
    )
    expect(answer.status).toBe(200)
    expect(answer.json().result).toMatchObject({ scheduledDeletion: null, watermark: null })
  })

  test('a token that may only read, or none', async () => {
    const reading = { authorization: `Bearer ${server.readToken}` }
    expect((await ask({ maxDurationSeconds: 60 }, reading)).status).toBe(403)
    expect((await ask({ maxDurationSeconds: 60 }, { authorization: '' })).status).toBe(401)
  })

  test('GET is told what the address takes', async () => {
    const answer = await send(server.url, `/client/v4/accounts/${server.accountId}/stream/direct_upload`, {
      headers: { authorization: `Bearer ${server.token}` },
    })
    expect([answer.status, answer.headers.allow]).toEqual([405, 'POST'])
  })
})

test('an expiry that means never is the last time that can be told, and everything can still be read', async () => {
  const stream = `/client/v4/accounts/${server.accountId}/stream`
  const headers = { authorization: `Bearer ${server.token}` }
  const body = '{"maxDurationSeconds":60,"expiry":"9999-12-31T23:59:59Z"}'
  const made = await send(server.url, `${stream}/direct_upload`, { method: 'POST', headers, body })
  const { uid } = made.json().result as { uid: string }
  const video = await send(server.url, `${stream}/${uid}`, { headers })
  expect(video.json().result).toMatchObject({ uploadExpiry: '2255-06-05T23:47:34.740991Z' })
  expect((await send(server.url, stream, { headers })).status).toBe(200)
  const form = fileForm(movieBytes(5_000))
  const sent = await send(server.url, `/upload/${uid}`, { method: 'POST', headers: FORM, body: form })
  expect(sent.status).toBe(200)
})

test('the link names the public address, and works under it', async () => {
  const own = await startApi({ settings: { publicUrl: 'https://video.example' } })
  try {
    const answer = await send(own.url, `/client/v4/accounts/${own.accountId}/stream/direct_upload`, {
      method: 'POST',
      headers: { authorization: `Bearer ${own.token}` },
      body: '{"maxDurationSeconds":60}',
    })
    const { uid, uploadURL } = answer.json().result as { uid: string; uploadURL: string }
    expect(uploadURL).toBe(`https://video.example/upload/${uid}`)
    const form = fileForm(movieBytes(5_000))
    const sent = await send(own.url, `/upload/${uid}/`, { method: 'POST', headers: FORM, body: form })
    expect(sent.status).toBe(200)
  } finally {
    await own.close()
  }
})
