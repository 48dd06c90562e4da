/** `client.stream` and `client.stream.videos`, `client.stream.embed`: spec §4.1 to §4.7, by the official client. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { type Client, SDKS, violations } from './sdk.ts'

/** Versions 4 to 6 want it said that there is none; 7 leaves it out of its types. */
const noBody = { body: {} } as object

let server: ApiServer

beforeAll(async () => {
  server = await startApi()
})
afterAll(async () => {
  await server.close()
  expect(violations).toEqual([])
})

describe.each(SDKS)('cloudflare %s', (_version, create) => {
  let client: Client
  let account: { account_id: string }

  beforeAll(() => {
    client = create({ baseURL: server.apiUrl, apiToken: server.token })
    account = { account_id: server.accountId }
  })

  test('stream.create begins a tus upload: Location and stream-media-id', async () => {
    const response = await client.stream
      .create({ ...account, ...noBody, 'Tus-Resumable': '1.0.0', 'Upload-Length': 1_000 })
      .asResponse()
    expect(response.status).toBe(201)
    expect(response.headers.get('location')).toMatch(/^http:\/\/127\.0\.0\.1:\d+\//)
    const uid = response.headers.get('stream-media-id') ?? ''
    const video = await client.stream.get(uid, account)
    expect(video).toMatchObject({ uid, status: { state: 'pendingupload' }, uploaded: null })
  })

  test('stream.create with direct_user gives a link that takes a file without a token', async () => {
    const response = await client.stream
      .create({
        ...account,
        ...noBody,
        direct_user: true,
        'Tus-Resumable': '1.0.0',
        'Upload-Length': 3,
        'Upload-Metadata': 'maxDurationSeconds NjAw,requiresignedurls',
      })
      .asResponse()
    const location = response.headers.get('location') ?? ''
    expect(location).toMatch(/\/upload\/tus\/[\w-]{43}$/)
    const uid = response.headers.get('stream-media-id') ?? ''
    expect(await client.stream.get(uid, account)).toMatchObject({
      status: { state: 'pendingupload' },
      maxDurationSeconds: 600,
      requireSignedURLs: true,
    })
    const chunk = await fetch(location, {
      method: 'PATCH',
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      },
      body: 'abc',
    })
    expect(chunk.status).toBe(204)
    expect(await client.stream.get(uid, account)).toMatchObject({ status: { state: 'queued' }, size: 3 })
  })

  test('stream.create with the length 0 of its own sample gives nothing back', async () => {
    const result = await client.stream.create({
      ...account,
      ...noBody,
      'Tus-Resumable': '1.0.0',
      'Upload-Length': 0,
      'Upload-Creator': 'creator-id_abcde12345',
      'Upload-Metadata': 'name aGFyYm91ciB0b3VyLm1wNA==,requiresignedurls',
    })
    expect(result ?? '').toBe('')
  })

  test('stream.list gives an array that can be iterated', async () => {
    const { uid } = await server.addVideo({ creator: 'lister', meta: { name: 'a list entry' } })
    const seen: (string | undefined)[] = []
    for await (const video of client.stream.list({ ...account, creator: 'lister', limit: 1 })) {
      seen.push(video.uid)
    }
    expect(seen).toEqual([uid])
    const page = await client.stream.list({ ...account, search: 'LIST ENT', asc: true, include_counts: true })
    expect(page.result.map((video) => video.uid)).toContain(uid)
  })

  test('stream.get gives the whole video', async () => {
    const { uid } = await server.addVideo({ meta: { name: 'one' } })
    const video = await client.stream.get(uid, account)
    expect(video).toMatchObject({
      uid,
      readyToStream: true,
      meta: { name: 'one' },
      playback: { hls: `${server.url}/${uid}/manifest/video.m3u8` },
    })
  })

  test('stream.get of nothing is its NotFoundError', async () => {
    await expect(client.stream.get('0'.repeat(32), account)).rejects.toMatchObject({
      status: 404,
      errors: [{ code: 10003 }],
    })
  })

  test('stream.edit changes fields', async () => {
    const { uid } = await server.addVideo()
    const video = await client.stream.edit(uid, {
      ...account,
      creator: 'somebody',
      meta: { name: 'edited' },
      allowedOrigins: ['Example.com', 'https://*.example.org'],
      requireSignedURLs: true,
      thumbnailTimestampPct: 0.5,
    })
    expect(video).toMatchObject({
      creator: 'somebody',
      meta: { name: 'edited' },
      allowedOrigins: ['example.com', '*.example.org'],
      requireSignedURLs: true,
      thumbnailTimestampPct: 0.5,
    })
  })

  test('stream.delete deletes once', async () => {
    const { uid } = await server.addVideo()
    await client.stream.delete(uid, account)
    await expect(client.stream.delete(uid, account)).rejects.toMatchObject({ status: 404 })
  })

  test('stream.videos.storageUsage counts', async () => {
    await server.addVideo({ creator: 'hoarder', durationSeconds: 90 })
    const usage = await client.stream.videos.storageUsage({ ...account, creator: 'hoarder' })
    expect(usage).toMatchObject({ creator: 'hoarder', totalStorageMinutesLimit: 2_147_483_647 })
    expect(usage.videoCount).toBeGreaterThanOrEqual(1)
    expect(usage.totalStorageMinutes).toBeGreaterThanOrEqual(1.5)
  })

  test('stream.embed.get gives the line of HTML', async () => {
    const { uid } = await server.addVideo()
    const line = await client.stream.embed.get(uid, account)
    expect(line).toBe(
      `<stream id="${uid}"></stream><script data-cfasync="false" defer type="text/javascript" src="${server.url}/embed/v1.latest.js"></script>`,
    )
  })

  test('user.tokens.verify knows its token', async () => {
    expect(await client.user.tokens.verify()).toMatchObject({ status: 'active' })
  })

  test('a conflict fails at once, without being repeated', async () => {
    const { uid } = await server.addVideo({ state: 'live-inprogress' })
    const before = server.logLines.length
    await expect(client.stream.delete(uid, account)).rejects.toMatchObject({
      status: 409,
      errors: [{ code: 10046 }],
    })
    expect(server.logLines.slice(before).filter((line) => line.includes('"status":409'))).toHaveLength(1)
  })

  test('a wrong token is its AuthenticationError', async () => {
    const stranger = create({ baseURL: server.apiUrl, apiToken: 'a-token-nobody-knows' })
    await expect(stranger.stream.get('0'.repeat(32), account)).rejects.toMatchObject({ status: 401 })
  })
})
