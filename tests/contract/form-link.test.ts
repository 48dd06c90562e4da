/** One-time form links, case by case: uploads.md §5, api.md §4.10. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deleteVideo, sweep } from '../../src/core/videos/index.ts'
import {
  askForLink,
  BOUNDARY,
  declaredMovie,
  draftCount,
  FORM,
  fileForm,
  formBody,
  formLines,
  makeLink,
  minutesInUse,
  movieBytes,
  sendForm,
  videoOf,
} from './form-fixture.ts'
import {
  type Answer,
  call,
  DAY_SECONDS,
  MIB,
  RawClient,
  refusalOf,
  sha256,
  startUploadServer,
  TUS,
  type UploadServer,
} from './tus-fixture.ts'

let server: UploadServer
beforeAll(async () => {
  server = await startUploadServer()
})
afterAll(() => server.stop())

const told = (answer: Answer): unknown[] => [answer.status, refusalOf(answer).code]
const stateOf = async (uid: string): Promise<unknown> =>
  ((await videoOf(server, uid)).status as { state: string }).state

/** A link that takes a file still: whatever was refused before has left nothing. */
async function expectUsable(link: { uid: string; uploadURL: string }): Promise<void> {
  expect(await stateOf(link.uid)).toBe('pendingupload')
  await expect.poll(() => draftCount(server)).toBe(0)
  const bytes = movieBytes(50_000)
  expect((await sendForm(link.uploadURL, fileForm(bytes))).status).toBe(200)
  expect(await server.sourceHash(link.uid)).toBe(sha256(bytes))
}

describe('a link', () => {
  test('takes one file from anybody: 200, and the video is queued', async () => {
    const link = await makeLink(server, { meta: { season: 4 } })
    expect(link.uploadURL).toBe(`${server.url}/upload/${link.uid}`)
    expect(await stateOf(link.uid)).toBe('pendingupload')
    const bytes = movieBytes(3 * MIB + 5)
    const answer = await sendForm(link.uploadURL, fileForm(bytes, 'harbour tour.mp4'))
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('application/json')
    expect(JSON.parse(answer.text)).toEqual({
      result: { uid: link.uid },
      success: true,
      errors: [],
      messages: [],
    })
    expect(await videoOf(server, link.uid)).toMatchObject({
      status: { state: 'queued' },
      size: bytes.length,
      // The customer's own fields stay; a name they did not give is the file's.
      meta: { season: 4, name: 'harbour tour.mp4' },
      maxDurationSeconds: 60,
    })
    expect(await server.sourceHash(link.uid)).toBe(sha256(bytes))
    const jobs = await server.deps.db
      .selectFrom('jobs')
      .select('kind')
      .where('video_uid', '=', link.uid)
      .execute()
    expect(jobs).toEqual([{ kind: 'ingest' }])
  })

  test('keeps the name that the customer gave', async () => {
    const link = await makeLink(server, { meta: { name: 'my own' } })
    await sendForm(link.uploadURL, fileForm(movieBytes(5_000), 'theirs.mp4'))
    expect((await videoOf(server, link.uid)).meta).toEqual({ name: 'my own' })
  })

  test('used already: 409/10007, not to be retried, and the first file stays', async () => {
    const link = await makeLink(server)
    const bytes = movieBytes(5_000)
    await sendForm(link.uploadURL, fileForm(bytes))
    const again = await sendForm(link.uploadURL, fileForm(movieBytes(6_000)))
    expect(told(again)).toEqual([409, 10007])
    expect(again.headers['x-should-retry']).toBe('false')
    expect(again.headers['access-control-allow-origin']).toBe('*')
    expect(await server.sourceHash(link.uid)).toBe(sha256(bytes))
  })

  test('with a file over 200 MB: 413/10008, told by the length or on the way, and usable again', async () => {
    const link = await makeLink(server)
    const byLength = new RawClient(server.port)
    await byLength.head(...formLines(link.uploadURL, 230_000_000), 'Expect: 100-continue')
    const early = await byLength.answer()
    expect([early?.status, refusalOf({ text: early?.body ?? '' }).code]).toEqual([413, 10008])
    byLength.socket.destroy()
    expect(told(await sendForm(link.uploadURL, fileForm(movieBytes(209_715_201))))).toEqual([413, 10008])
    await expectUsable(link)
  })

  test('with a form that goes on for ever beside its file: 413/10008, and usable again', async () => {
    const link = await makeLink(server)
    const client = new RawClient(server.port)
    await client.head(...formLines(link.uploadURL, 0).slice(0, 3), 'Transfer-Encoding: chunked')
    const start = Buffer.from(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\n`,
      'latin1',
    )
    await client.bytes(Buffer.concat([Buffer.from(`${start.length.toString(16)}\r\n`), start]))
    const piece = Buffer.concat([
      Buffer.from(`\r\n${(8 * MIB).toString(16)}\r\n`),
      Buffer.alloc(8 * MIB, 'text '),
    ])
    const answered = client.answer()
    for (let sent = 0; sent < 40; sent += 1) {
      const done = await Promise.race([client.bytes(piece), answered])
      if (done !== undefined) break
    }
    const answer = await answered
    expect(answer?.status).toBe(413)
    client.socket.destroy()
    await expectUsable(link)
  })

  test.each([
    ['a text', 'this is no film at all, '.repeat(500)],
    ['a page', '<!doctype html><html><body>hello</body></html>'],
    ['a playlist called film', '#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n'],
  ])('with %s: 400/10059, and usable again', async (_, body) => {
    const link = await makeLink(server)
    expect(told(await sendForm(link.uploadURL, fileForm(body)))).toEqual([400, 10059])
    await expectUsable(link)
  })

  test.each([
    ['no part file', formBody([{ name: 'film', fileName: 'a.mp4', body: 'x' }]), [400, 10005]],
    ['an empty file', fileForm(''), [400, 10005]],
    ['no form at all', Buffer.from('this is no form'), [400, 10005]],
  ])('with %s is usable again', async (_, form, refusal) => {
    const link = await makeLink(server)
    expect(told(await sendForm(link.uploadURL, form))).toEqual(refusal)
    await expectUsable(link)
  })

  test('with a body of another type: 415/10012, and usable again', async () => {
    const link = await makeLink(server)
    const raw = await sendForm(link.uploadURL, movieBytes(5_000), { 'content-type': 'video/mp4' })
    expect(told(raw)).toEqual([415, 10012])
    await expectUsable(link)
  })

  test.each([
    ['index in front', {}],
    ['index at the end', { bytesBefore: 2 * MIB }],
  ])('longer than allowed (%s): 400/10005, the video says why, the link is used up', async (_, how) => {
    const link = await makeLink(server, { maxDurationSeconds: 60, creator: link60() })
    const { creator } = (await videoOf(server, link.uid)) as { creator: string }
    expect(await minutesInUse(server, creator)).toBe(1)
    const film = declaredMovie(75, how)
    const answer = await sendForm(link.uploadURL, fileForm(film))
    expect(told(answer)).toEqual([400, 10005])
    expect(refusalOf(answer).message).toBe('Bad Request: The video lasts 75.0 s; this upload allows 60 s.')
    expect(await videoOf(server, link.uid)).toMatchObject({
      status: {
        state: 'error',
        errorReasonCode: 'ERR_DURATION_EXCEED_CONSTRAINT',
        errorReasonText: expect.stringContaining('The video lasts 75.0 s; this upload allows 60 s.'),
      },
      size: film.length,
    })
    expect(await minutesInUse(server, creator)).toBe(0)
    expect(told(await sendForm(link.uploadURL, fileForm(movieBytes(5_000))))).toEqual([409, 10007])
    expect(await draftCount(server)).toBe(0)
  })

  test('as long as allowed, or with a length that its headers do not tell, goes to processing', async () => {
    for (const film of [
      declaredMovie(60),
      declaredMovie(60.4),
      declaredMovie(75, { track: { duration: 0 } }),
      movieBytes(5_000),
    ]) {
      const link = await makeLink(server)
      expect((await sendForm(link.uploadURL, fileForm(film))).status).toBe(200)
      expect(await stateOf(link.uid)).toBe('queued')
    }
  })

  test('deleted, unknown, or no link at all: 404/10003', async () => {
    const link = await makeLink(server)
    await deleteVideo(server.deps, server.accountId, link.uid)
    const tus = await call('POST', server.endpoint, {
      ...TUS,
      authorization: `Bearer ${server.token}`,
      'upload-length': '1000',
    })
    const addresses = [
      link.uploadURL,
      `${server.url}/upload/${'0'.repeat(32)}`,
      `${server.url}/upload/x`,
      // A tus upload's video has no form link.
      `${server.url}/upload/${String(tus.headers['stream-media-id'])}`,
    ]
    for (const address of addresses) {
      expect(told(await sendForm(address, fileForm(movieBytes(5_000))))).toEqual([404, 10003])
    }
  })

  test('lost on the way: nothing is stored, and usable again', async () => {
    const link = await makeLink(server)
    const form = fileForm(movieBytes(8 * MIB))
    const client = new RawClient(server.port)
    await client.head(...formLines(link.uploadURL, form.length))
    await client.bytes(form.subarray(0, 4 * MIB))
    await expect.poll(() => draftCount(server)).toBe(1)
    client.reset()
    await expect.poll(() => draftCount(server)).toBe(0)
    await expectUsable(link)
  })

  test('torn inside its form: 400/10005, and usable again', async () => {
    const link = await makeLink(server)
    const form = fileForm(movieBytes(2 * MIB)).subarray(0, MIB)
    expect(told(await sendForm(link.uploadURL, form))).toEqual([400, 10005])
    await expectUsable(link)
  })

  test('in chunked transfer coding', async () => {
    const link = await makeLink(server)
    const bytes = movieBytes(MIB)
    const answer = await call(
      'POST',
      link.uploadURL,
      { ...FORM, 'transfer-encoding': 'chunked' },
      fileForm(bytes),
    )
    expect(answer.status).toBe(200)
    expect(await server.sourceHash(link.uid)).toBe(sha256(bytes))
  })

  test('whose disk is full: 507, and usable again', async () => {
    const full = await startUploadServer({ limits: { minFreeBytes: Number.MAX_SAFE_INTEGER } })
    try {
      const link = await makeLink(full)
      const answer = await sendForm(link.uploadURL, fileForm(movieBytes(5_000)))
      expect(answer.status).toBe(507)
      expect((await videoOf(full, link.uid)).status).toMatchObject({ state: 'pendingupload' })
    } finally {
      await full.stop()
    }
  })
})

/** A creator of its own, so that its minutes can be told from those of other tests. */
function link60(): string {
  creators += 1
  return `creator-${creators}`
}
let creators = 0

describe('other methods and other pages', () => {
  test.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])('%s: 405 with Allow', async (method) => {
    const link = await makeLink(server)
    const answer = await call(method, link.uploadURL)
    expect(answer.status).toBe(405)
    expect(answer.headers.allow).toBe('POST, OPTIONS')
    expect(answer.headers['access-control-allow-origin']).toBe('*')
  })

  test('tus on a form link: 405/10006', async () => {
    const link = await makeLink(server)
    const create = { ...TUS, 'upload-length': '1000' }
    expect(told(await call('POST', link.uploadURL, create))).toEqual([405, 10006])
    expect((await call('PATCH', link.uploadURL, { ...TUS, 'upload-offset': '0' })).status).toBe(405)
    expect((await call('HEAD', link.uploadURL, TUS)).status).toBe(405)
  })

  test('a preflight, and every answer, lets any page in', async () => {
    const link = await makeLink(server)
    const preflight = await call('OPTIONS', link.uploadURL, {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
    })
    expect(preflight.status).toBe(204)
    const allows = {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST, HEAD, PATCH, OPTIONS, DELETE',
      'access-control-allow-headers': expect.stringContaining('Content-Type'),
      'access-control-expose-headers': expect.stringContaining('stream-media-id'),
      'access-control-max-age': '86400',
    }
    expect(preflight.headers).toMatchObject(allows)
    const origin = { origin: 'https://shop.example' }
    const answers = [
      await sendForm(link.uploadURL, fileForm('no film'), origin),
      await sendForm(`${server.url}/upload/${'0'.repeat(32)}`, fileForm('no film'), origin),
      await sendForm(link.uploadURL, fileForm(movieBytes(5_000)), origin),
      await sendForm(link.uploadURL, fileForm(movieBytes(5_000)), origin),
    ]
    expect(answers.map(({ status }) => status)).toEqual([400, 404, 200, 409])
    for (const { headers } of answers) expect(headers).toMatchObject(allows)
  })
})

describe('time', () => {
  test('expired: 410/10010, reservation freed; a day later the video is deleted: 404', async () => {
    const own = await startUploadServer({ limits: { storageMinutes: 10 } })
    try {
      const link = await makeLink(own, { maxDurationSeconds: 600 })
      expect(await minutesInUse(own)).toBe(10)
      expect(told(await askForLink(own, { maxDurationSeconds: 1 }))).toEqual([413, 10011])
      own.forward(1_801)
      expect(told(await sendForm(link.uploadURL, fileForm(movieBytes(5_000))))).toEqual([410, 10010])
      expect(await minutesInUse(own)).toBe(0)
      expect((await askForLink(own, { maxDurationSeconds: 1 })).status).toBe(200)
      expect((await videoOf(own, link.uid)).status).toMatchObject({ state: 'pendingupload' })
      own.forward(DAY_SECONDS)
      expect(told(await sendForm(link.uploadURL, fileForm(movieBytes(5_000))))).toEqual([404, 10003])
      await sweep(own.deps)
      const left = await own.deps.db.selectFrom('form_links').select('video_uid').execute()
      expect(left.map((row) => row.video_uid)).not.toContain(link.uid)
    } finally {
      await own.stop()
    }
  })

  test('an expiry that was moved counts', async () => {
    const link = await makeLink(server)
    const move = (uploadExpiry: string) =>
      call(
        'POST',
        `${server.endpoint}/${link.uid}`,
        { authorization: `Bearer ${server.token}` },
        Buffer.from(JSON.stringify({ uploadExpiry })),
      )
    const soonMs = Date.now() + 1_000
    expect((await move(new Date(soonMs).toISOString())).status).toBe(200)
    const sendFile = () => sendForm(link.uploadURL, fileForm('no film'))
    await expect.poll(async () => (await sendFile()).status).toBe(410)
    expect((await move('2126-01-31T08:00:00Z')).status).toBe(200)
    await expectUsable(link)
  })

  test('a file that began in time is taken after the expiry', async () => {
    const own = await startUploadServer()
    try {
      const link = await makeLink(own)
      const form = fileForm(movieBytes(2 * MIB))
      const client = new RawClient(own.port)
      await client.head(...formLines(link.uploadURL, form.length))
      await client.bytes(form.subarray(0, MIB))
      await expect.poll(() => draftCount(own)).toBe(1)
      own.forward(3_600)
      await client.bytes(form.subarray(MIB))
      expect((await client.answer())?.status).toBe(200)
      client.socket.destroy()
    } finally {
      await own.stop()
    }
  })
})
