/** The basic form upload: uploads.md §4, api.md §4.2. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { getVideo } from '../../src/core/videos/index.ts'
import { BOUNDARY, FORM, formBody, movieBytes } from './form-fixture.ts'
import {
  type Answer,
  call,
  MIB,
  RawClient,
  sha256,
  startUploadServer,
  type UploadServer,
} from './tus-fixture.ts'

let server: UploadServer
let auth: Record<string, string>

beforeAll(async () => {
  server = await startUploadServer()
  auth = { authorization: `Bearer ${server.token}` }
})
afterAll(() => server.stop())

function post(body: Uint8Array, headers: Record<string, string> = {}, on = server): Promise<Answer> {
  return call(
    'POST',
    on.endpoint,
    { ...auth, ...FORM, 'content-length': String(body.length), ...headers },
    body,
  )
}

const numberOf = (answer: Answer): unknown => JSON.parse(answer.text).errors[0].code

async function leftovers(on = server): Promise<{ videos: number; drafts: number }> {
  const videos = await on.deps.db.selectFrom('videos').select('uid').execute()
  let drafts = 0
  for await (const _ of on.deps.blobs.listDrafts()) drafts += 1
  return { videos: videos.length, drafts }
}

describe('a form', () => {
  test('answers the video, queued, with its size, time and name', async () => {
    const bytes = movieBytes(3 * MIB + 5)
    const answer = await post(
      formBody([{ name: 'file', fileName: 'harbour tour.mp4', type: 'video/mp4', body: bytes }]),
    )
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
    const { result, success, errors, messages } = JSON.parse(answer.text)
    expect({ success, errors, messages }).toEqual({ success: true, errors: [], messages: [] })
    expect(result).toMatchObject({
      status: { state: 'queued', errorReasonCode: '', errorReasonText: '' },
      size: bytes.length,
      meta: { name: 'harbour tour.mp4' },
      creator: null,
      uploadExpiry: null,
      duration: -1,
      thumbnail: `${server.url}/${result.uid}/thumbnails/thumbnail.jpg`,
    })
    expect(result.uploaded).toMatch(/^\d{4}-.*Z$/)
    expect(await server.sourceHash(result.uid)).toBe(sha256(bytes))
    const job = await server.deps.db
      .selectFrom('jobs')
      .selectAll()
      .where('video_uid', '=', result.uid)
      .executeTakeFirst()
    expect(job).toMatchObject({ kind: 'ingest', state: 'queued', priority: 2 })
  })

  test('of the official clients is understood (FormData)', async () => {
    const bytes = movieBytes(100_000)
    const form = new FormData()
    form.append('requireSignedURLs', 'true')
    form.append('file', new Blob([new Uint8Array(bytes)], { type: 'video/mp4' }), '../../dir/film ü.mp4')
    form.append('file', new Blob(['second']), 'second.mp4')
    const answer = await fetch(server.endpoint, { method: 'POST', headers: auth, body: form })
    const { result } = (await answer.json()) as {
      result: { uid: string; meta: object; requireSignedURLs: boolean }
    }
    expect(answer.status).toBe(200)
    // Other text parts are ignored, the first file counts, folders are not kept.
    expect(result.requireSignedURLs).toBe(false)
    expect(result.meta).toEqual({ name: 'film ü.mp4' })
    expect(await server.sourceHash(result.uid)).toBe(sha256(bytes))
  })

  test('with a file that is not named has no name', async () => {
    const answer = await post(formBody([{ name: 'file', body: movieBytes(5_000) }]))
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.text).result.meta).toEqual({})
  })

  test('in chunked transfer coding and with an epilogue', async () => {
    const bytes = movieBytes(MIB)
    const body = Buffer.concat([
      formBody([{ name: 'file', fileName: 'a.mp4', body: bytes }]),
      Buffer.from('bye\r\n'),
    ])
    const answer = await call(
      'POST',
      server.endpoint,
      { ...auth, ...FORM, 'transfer-encoding': 'chunked' },
      body,
    )
    expect(answer.status).toBe(200)
    expect(await server.sourceHash(JSON.parse(answer.text).result.uid)).toBe(sha256(bytes))
  })

  test('is a tus creation when it carries a tus header', async () => {
    const answer = await post(formBody([]), { 'tus-resumable': '1.0.0', 'upload-length': '5' })
    expect(answer.status).toBe(201)
  })

  test('a request that is neither is told the version, 412', async () => {
    const answer = await call(
      'POST',
      server.endpoint,
      { ...auth, 'content-type': 'application/json' },
      Buffer.from('{}'),
    )
    expect(answer.status).toBe(412)
  })
})

describe('refused, and nothing is left', () => {
  test.each([
    ['a text', 'this is no film at all, '.repeat(500)],
    ['a page', '<!doctype html><html><body>hello</body></html>'],
    ['an archive', Buffer.from('504b0304140000000800', 'hex')],
    ['a playlist called film', '#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n'],
  ])('%s: 400/10059', async (_, body) => {
    const before = await leftovers()
    const answer = await post(formBody([{ name: 'file', fileName: 'film.mp4', type: 'video/mp4', body }]))
    expect([answer.status, numberOf(answer)]).toEqual([400, 10059])
    expect(await leftovers()).toEqual(before)
  })

  test('what is no film is refused while most of it is still to come', async () => {
    const client = new RawClient(server.port)
    await client.head(
      `POST ${new URL(server.endpoint).pathname} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${server.token}`,
      `Content-Type: ${FORM['content-type']}`,
      'Content-Length: 104857600',
    )
    await client.bytes(
      Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n`),
    )
    await client.bytes(Buffer.alloc(2 * MIB, 'text '))
    expect((await client.answer())?.status).toBe(400)
    client.socket.destroy()
  })

  test.each([
    ['no part file', [{ name: 'film', fileName: 'a.mp4', body: 'x' }]],
    ['only a text of another name', [{ name: 'title', body: 'x' }]],
    ['no part at all', []],
    ['an empty file', [{ name: 'file', fileName: 'a.mp4', body: '' }]],
  ])('%s: 400/10005', async (_, parts) => {
    const before = await leftovers()
    const answer = await post(formBody(parts))
    expect([answer.status, numberOf(answer)]).toEqual([400, 10005])
    expect(await leftovers()).toEqual(before)
  })

  test('no boundary, or a body that is no form: 400/10005', async () => {
    for (const type of ['multipart/form-data', `multipart/form-data; boundary=${BOUNDARY}`]) {
      const answer = await post(Buffer.from('this is no form'), { 'content-type': type })
      expect([answer.status, numberOf(answer)]).toEqual([400, 10005])
    }
  })

  test('more than 200 MB by Content-Length: 413 before a byte is read', async () => {
    const client = new RawClient(server.port)
    await client.head(
      `POST ${new URL(server.endpoint).pathname} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${server.token}`,
      `Content-Type: ${FORM['content-type']}`,
      'Content-Length: 230000000',
      'Expect: 100-continue',
    )
    const answer = await client.answer()
    expect(answer?.status).toBe(413)
    expect(JSON.parse(answer?.body ?? '').errors[0].code).toBe(10008)
    client.socket.destroy()
  })

  test('a file of 209,715,200 bytes is taken, one byte more is not', async () => {
    const before = await leftovers()
    const bytes = movieBytes(209_715_201)
    const refused = await post(formBody([{ name: 'file', fileName: 'a.mp4', body: bytes }]))
    expect([refused.status, numberOf(refused)]).toEqual([413, 10008])
    expect(await leftovers()).toEqual(before)
    const taken = await post(formBody([{ name: 'file', fileName: 'a.mp4', body: bytes.subarray(0, -1) }]))
    expect(taken.status).toBe(200)
    expect(JSON.parse(taken.text).result.size).toBe(209_715_200)
  })

  test.each(['reset', 'torn'])('a form that breaks off (%s) leaves nothing', async (how) => {
    const before = await leftovers()
    const body = formBody([{ name: 'file', fileName: 'a.mp4', body: movieBytes(8 * MIB) }])
    const client = new RawClient(server.port)
    const length = how === 'torn' ? 4 * MIB : body.length
    await client.head(
      `POST ${new URL(server.endpoint).pathname} HTTP/1.1`,
      'Host: 127.0.0.1',
      `Authorization: Bearer ${server.token}`,
      `Content-Type: ${FORM['content-type']}`,
      `Content-Length: ${length}`,
    )
    await client.bytes(body.subarray(0, 4 * MIB))
    if (how === 'torn') {
      const answer = await client.answer()
      expect([answer?.status, JSON.parse(answer?.body ?? '').errors[0].code]).toEqual([400, 10005])
      client.socket.destroy()
    } else {
      // What comes of a connection that is reset before the server has looked at it shows nothing.
      await expect.poll(() => leftovers()).toEqual({ ...before, drafts: before.drafts + 1 })
      client.reset()
    }
    await client.ended()
    await expect.poll(() => leftovers()).toEqual(before)
  })

  test('without credentials, with a reading token, in another account', async () => {
    const body = formBody([{ name: 'file', fileName: 'a.mp4', body: movieBytes(5_000) }])
    expect((await post(body, { authorization: '' })).status).toBe(401)
    expect((await post(body, { authorization: `Bearer ${server.readToken}` })).status).toBe(403)
    const elsewhere = server.endpoint.replace(server.accountId, 'e'.repeat(32))
    const answer = await call('POST', elsewhere, { ...auth, ...FORM }, body)
    expect([answer.status, numberOf(answer)]).toEqual([404, 10003])
  })

  test('too many videos in work 429, storage used up 413, disk full 507', async () => {
    const body = formBody([{ name: 'file', fileName: 'a.mp4', body: movieBytes(5_000) }])
    const busy = await startUploadServer({ limits: { videosInWork: 1 } })
    const full = await startUploadServer({ limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } })
    const used = await startUploadServer({ limits: { storageMinutes: 1 } })
    try {
      expect((await post(body, {}, busy)).status).toBe(200)
      const refused = await post(body, {}, busy)
      expect([refused.status, numberOf(refused), refused.headers['retry-after']]).toEqual([429, 10009, '30'])
      expect((await post(body, {}, full)).status).toBe(507)
      const { uid } = JSON.parse((await post(body, {}, used)).text).result
      await used.deps.db.updateTable('storage_totals').set({ seconds: 61 }).execute()
      const over = await post(body, {}, used)
      expect([over.status, numberOf(over)]).toEqual([413, 10011])
      expect(await getVideo(used.deps.db, uid)).toBeDefined()
    } finally {
      await Promise.all([busy.stop(), full.stop(), used.stop()])
    }
  })
})

test('100 Continue comes once the form is wanted, as curl asks for it', async () => {
  const bytes = movieBytes(2 * MIB)
  const body = formBody([{ name: 'file', fileName: 'a.mp4', body: bytes }])
  const client = new RawClient(server.port)
  await client.head(
    `POST ${new URL(server.endpoint).pathname} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${server.token}`,
    `Content-Type: ${FORM['content-type']}`,
    `Content-Length: ${body.length}`,
    'Expect: 100-continue',
  )
  expect((await client.answer())?.status).toBe(100)
  await client.bytes(body)
  const answer = await client.answer()
  expect(answer?.status).toBe(200)
  client.socket.destroy()
  expect(await server.sourceHash(JSON.parse(answer?.body ?? '').result.uid)).toBe(sha256(bytes))
})
