/** Files to download: `client.stream.downloads`, the addresses they are at, and the binding; api.md §8, playback.md §4.2. */

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StreamBinding } from '../../src/binding/index.ts'
import { notAVideo, sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { SDKS, violations } from './sdk.ts'

type Shown = { status: string; percentComplete: number; url: string }
type Downloads = { default?: Shown; audio?: Shown }

let server: TestServer
/** With sound, and without. */
let uid: string
let silent: string

beforeAll(async () => {
  server = await startServer()
  uid = (await uploadFile(server, await sample('h264-aac.mp4'))).uid
  silent = (await uploadFile(server, await sample('silent.mp4'))).uid
  await waitForVideo(server, uid, 'complete')
  await waitForVideo(server, silent, 'complete')
})
afterAll(async () => {
  await server.stop()
  expect(violations).toEqual([])
})

const api = <Result>(path: string, method = 'GET') => callApi<Result>(server, `/stream/${path}`, { method })
const address = (file: string) => `${server.url}/${uid}/downloads/${file}`

/** One API call, whatever it answers. */
async function ask(method: string, path: string) {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}` },
  })
  const body = (await response.json()) as { errors: { code: number }[] }
  return { status: response.status, code: body.errors[0]?.code, headers: response.headers }
}

/** Polls until every file of a video that was asked for is there. */
async function settled(video = uid): Promise<Downloads> {
  for (;;) {
    const shown = await api<Downloads>(`${video}/downloads`)
    if (Object.values(shown).every(({ status }) => status !== 'inprogress')) return shown
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

describe.each(SDKS)('cloudflare %s', (_version, create) => {
  test('downloads.create, get and delete', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const account = { account_id: server.accountId }
    expect(await client.stream.downloads.get(uid, account)).toEqual({})
    const url = address('default.mp4')
    const made = await client.stream.downloads.create(uid, { ...account, body: {} } as never)
    expect(made).toEqual({ default: { status: 'inprogress', percentComplete: 0, url } })
    await settled()
    const ready = { status: 'ready', percentComplete: 100, url }
    expect(await client.stream.downloads.get(uid, account)).toEqual({ default: ready })
    // Asking again only tells how it is, and of a typed call only that member.
    expect(await client.stream.downloads.create(uid, { ...account, body: {} } as never)).toEqual({
      default: ready,
    })
    const path = `/accounts/${server.accountId}/stream/${uid}/downloads/audio`
    const typed = await client.post<{ result: Downloads }>(path)
    expect(typed.result).toEqual({
      audio: { status: 'inprogress', percentComplete: 0, url: address('audio.m4a') },
    })
    expect(Object.keys(await settled()).toSorted()).toEqual(['audio', 'default'])
    expect(await client.stream.downloads.delete(uid, account)).toBe('ok')
    expect(Object.keys(await client.stream.downloads.get(uid, account))).toEqual(['audio'])
    expect(await client.delete<object>(path)).toMatchObject({ result: 'ok' })
    await expect(client.stream.downloads.delete(uid, account)).rejects.toMatchObject({ status: 404 })
    expect((await fetch(url)).status).toBe(404)
  })
})

describe('the binding', () => {
  test('generates, gets and deletes', async () => {
    const { apiUrl, accountId, token } = server
    const { downloads } = new StreamBinding({ baseURL: apiUrl, accountId, apiToken: token }).video(uid)
    expect(await downloads.get()).toEqual({})
    expect(await downloads.generate()).toMatchObject({ default: { status: 'inprogress' } })
    expect(await downloads.generate('audio')).toMatchObject({ audio: { status: 'inprogress' } })
    await settled()
    expect(await downloads.get()).toMatchObject({
      default: { status: 'ready', percentComplete: 100 },
      audio: { status: 'ready', percentComplete: 100 },
    })
    await downloads.delete()
    await downloads.delete('audio')
    await expect(downloads.delete()).rejects.toMatchObject({ name: 'NotFoundError', code: 10003 })
  })
})

describe('refused', () => {
  test.each([
    ['of an unknown video', 'GET', `${'0'.repeat(32)}/downloads`, 404, 10003],
    ['made of an unknown video', 'POST', `${'0'.repeat(32)}/downloads`, 404, 10003],
    ['of an unknown type', 'POST', 'UID/downloads/film', 404, 7003],
    ['deleted though never made', 'DELETE', 'UID/downloads/audio', 404, 10003],
    ['of sound where there is none', 'POST', 'SILENT/downloads/audio', 400, 10005],
    ['changed', 'PUT', 'UID/downloads', 405, 10006],
    ['read one by one', 'GET', 'UID/downloads/default', 405, 10006],
  ])('a file %s', async (_name, method, path, status, code) => {
    const answer = await ask(method, path.replace('UID', uid).replace('SILENT', silent))
    expect([answer.status, answer.code]).toEqual([status, code])
  })

  test('a file of a video that is not ready', async () => {
    const created = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}`, 'tus-resumable': '1.0.0', 'upload-length': '1000' },
    })
    const pending = created.headers.get('stream-media-id') ?? ''
    const answer = await ask('POST', `${pending}/downloads`)
    expect([answer.status, answer.code]).toEqual([409, 10007])
    expect(answer.headers.get('x-should-retry')).toBe('false')
    expect(await api(`${pending}/downloads`)).toEqual({})
    expect((await fetch(`${server.url}/${pending}/downloads/default.mp4`)).status).toBe(404)
  })
})

test('a file of a video that failed', async () => {
  const { uid: failed } = await uploadFile(server, await notAVideo())
  await waitForVideo(server, failed, 'error')
  const answer = await ask('POST', `${failed}/downloads`)
  expect([answer.status, answer.code]).toEqual([409, 10007])
  expect((await fetch(`${server.url}/${failed}/downloads/default.mp4`)).status).toBe(424)
})

describe('a file', () => {
  let whole: Buffer
  let etag: string
  const get = (headers: Record<string, string> = {}, query = '', method = 'GET') =>
    fetch(address('default.mp4') + query, { method, headers })

  beforeAll(async () => {
    await api(`${uid}/downloads`, 'POST')
    await api(`${uid}/downloads/audio`, 'POST')
    await settled()
    const response = await get()
    whole = Buffer.from(await response.arrayBuffer())
    etag = response.headers.get('etag') ?? ''
  })

  test('is an attachment of known length that any page may read', async () => {
    const response = await get({}, '', 'HEAD')
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': String(whole.length),
      'content-disposition': `attachment; filename="${uid}.mp4"`,
      'accept-ranges': 'bytes',
      'cache-control': 'public, no-cache',
      'access-control-allow-origin': '*',
      'access-control-expose-headers':
        'Content-Length, Content-Range, preview-start-seconds, stream-media-id',
    })
    const sound = await fetch(address('audio.m4a'))
    expect(sound.headers.get('content-type')).toBe('audio/mp4')
    expect(sound.headers.get('content-disposition')).toBe(`attachment; filename="${uid}.m4a"`)
    expect(Buffer.from(await sound.arrayBuffer()).toString('latin1', 4, 12)).toBe('ftypM4A ')
    expect((await get({}, '', 'OPTIONS')).status).toBe(204)
    expect((await get({}, '', 'POST')).status).toBe(405)
  })

  test('comes in ranges, of the version that was begun', async () => {
    const size = whole.length
    const ranges: [string, number, number][] = [
      ['bytes=0-0', 0, 1],
      ['bytes=1000-200000', 1000, 200_001],
      [`bytes=${size - 7}-`, size - 7, size],
      ['bytes=-100', size - 100, size],
    ]
    for (const [range, start, end] of ranges) {
      const response = await get({ range, 'if-range': etag })
      expect(response.status).toBe(206)
      expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${size}`)
      expect(Buffer.from(await response.arrayBuffer()).equals(whole.subarray(start, end))).toBe(true)
    }
    for (const range of [`bytes=${size}-`, 'bytes=-0']) {
      const response = await get({ range })
      expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${size}`])
      expect(response.headers.get('content-disposition')).toBeNull()
    }
    const other = await get({ range: 'bytes=0-9', 'if-range': '"another"' })
    expect([other.status, (await other.arrayBuffer()).byteLength]).toEqual([200, size])
    expect((await get({ 'if-none-match': etag })).status).toBe(304)
  })

  test.each([
    ['harbour-tour_2', 'harbour-tour_2'],
    ['MY_VIDEO.mp4', 'MY_VIDEO'],
    ['song.m4a', 'song'],
    ['x'.repeat(120), 'x'.repeat(120)],
    ['', undefined],
  ])('is called as asked: %s', async (asked, name) => {
    const response = await get({}, `?filename=${asked}`, 'HEAD')
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="${name ?? uid}.mp4"`)
  })

  test.each(['a b', 'a.mp4.mp4', 'ü', '../a', 'a%22b', '.mp4', 'x'.repeat(121), 'a%0d%0ab'])(
    'is not called %s',
    async (asked) => {
      expect((await get({}, `?filename=${asked}`)).status).toBe(400)
    },
  )

  test('does not mind from which page it is asked for', async () => {
    const edit = (body: unknown) => callApi(server, `/stream/${uid}`, { method: 'POST', body })
    try {
      await edit({ allowedOrigins: ['a.test'] })
      const foreign = await get({ origin: 'https://evil.test' }, '', 'HEAD')
      expect([foreign.status, foreign.headers.get('cache-control')]).toEqual([200, 'private, no-cache'])
    } finally {
      await edit({ allowedOrigins: [] })
    }
  })

  test('of a protected video needs a token that is downloadable', async () => {
    const edit = (requireSignedURLs: boolean) =>
      callApi(server, `/stream/${uid}`, { method: 'POST', body: { requireSignedURLs } })
    const byToken = async (body: object, file: string) => {
      const { token } = await callApi<{ token: string }>(server, `/stream/${uid}/token`, {
        method: 'POST',
        body,
      })
      return await fetch(`${server.url}/${token}/downloads/${file}`)
    }
    const body = async (response: Response) => Buffer.from(await response.arrayBuffer())
    const source = await readFile(await sample('h264-aac.mp4'))
    try {
      await edit(true)
      expect((await get()).status).toBe(401)
      expect((await byToken({}, 'default.mp4')).status).toBe(403)
      expect((await byToken({ flags: { original: true } }, 'default.mp4')).status).toBe(403)
      const made = await byToken({ downloadable: true }, 'default.mp4')
      expect(made.headers.get('cache-control')).toBe('private, no-cache')
      expect(made.headers.get('content-disposition')).toBe(`attachment; filename="${uid}.mp4"`)
      expect((await body(made)).equals(whole)).toBe(true)
      const granted = { downloadable: true, flags: { original: true } }
      const original = await byToken(granted, 'default.mp4?filename=mine')
      expect(original.headers.get('content-disposition')).toBe('attachment; filename="mine.mp4"')
      expect((await body(original)).equals(source)).toBe(true)
      // The flag is about the film; its sound is a file of its own.
      const sound = await byToken(granted, 'audio.m4a')
      expect((await body(sound)).toString('latin1', 4, 12)).toBe('ftypM4A ')
      // The source is there already, so nothing has to be made first.
      await edit(false)
      await api(`${uid}/downloads`, 'DELETE')
      expect((await body(await byToken({ flags: { original: true } }, 'default.mp4'))).equals(source)).toBe(
        true,
      )
      await api(`${uid}/downloads`, 'POST')
      await settled()
    } finally {
      await edit(false)
    }
  })

  test('made again is another version; one that is being made survives a restart', async () => {
    await api(`${uid}/downloads`, 'DELETE')
    server = await server.restart({ HEADWATER_ROLES: 'api,delivery' })
    expect(await api(`${uid}/downloads`, 'POST')).toMatchObject({
      default: { status: 'inprogress', percentComplete: 0 },
    })
    const early = await get()
    expect([early.status, early.headers.get('retry-after')]).toEqual([404, '5'])
    expect(await api(`${uid}/downloads/default`, 'POST')).toMatchObject({ default: { status: 'inprogress' } })
    server = await server.restart({ HEADWATER_ROLES: 'api,delivery,worker' })
    expect(await settled()).toMatchObject({ default: { status: 'ready' }, audio: { status: 'ready' } })
    const again = await get()
    expect(again.headers.get('etag')).not.toBe(etag)
    expect(Buffer.from(await again.arrayBuffer()).equals(whole)).toBe(true)
    // It goes with its video.
    await api(uid, 'DELETE')
    expect((await get()).status).toBe(404)
  })
})
