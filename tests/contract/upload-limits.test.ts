/** What limits new uploads, whichever way they come: api.md §2, uploads.md §7, §8. */

import { afterEach, describe, expect, test } from 'vitest'
import { deleteVideo, editVideo, failVideo, moveVideo, setSourceFacts } from '../../src/core/videos/index.ts'
import {
  askForLink,
  FORM,
  fileForm,
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
  metadata,
  RawClient,
  refusalOf,
  startUploadServer,
  tusCalls,
  type UploadServer,
  type UploadServerOptions,
} from './tus-fixture.ts'

let server: UploadServer
const start = async (options: UploadServerOptions = {}) => {
  server = await startUploadServer(options)
}
afterEach(() => server.stop())

const told = (answer: Answer): unknown[] => [answer.status, refusalOf(answer).code]
const auth = () => ({ authorization: `Bearer ${server.token}` })
const inTrx = <T>(run: Parameters<ReturnType<UploadServer['deps']['db']['transaction']>['execute']>[0]) =>
  server.deps.db.transaction().execute(run) as Promise<T>

/** Every way to begin an upload. */
const WAYS: readonly (readonly [name: string, begin: () => Promise<Answer>])[] = [
  ['a form link', () => askForLink(server, { maxDurationSeconds: 60 })],
  ['a tus upload', () => tusCalls(server).create(1_000)],
  ['a one-time tus link', () => tusCalls(server).create(1_000, { query: '?direct_user=true' })],
  ['a copy', () => askForCopy()],
  ['a form upload', () => call('POST', server.endpoint, { ...auth(), ...FORM }, fileForm(movieBytes(5_000)))],
]

describe('120 videos in work', () => {
  test.each(WAYS)('refuse %s: 429/10009, to be tried again in 30 seconds', async (_, begin) => {
    await start({ limits: { videosInWork: 2 } })
    const form = fileForm(movieBytes(5_000))
    const links = [await makeLink(server), await makeLink(server), await makeLink(server)]
    for (const { uploadURL } of links.slice(0, 2)) await sendForm(uploadURL, form)
    const refused = await begin()
    expect(told(refused)).toEqual([429, 10009])
    expect(refused.headers['retry-after']).toBe('30')
    // A link that was made before goes on: the limit is checked when it is made.
    expect((await sendForm(links[2]?.uploadURL ?? '', form)).status).toBe(200)
    await server.deps.db.updateTable('videos').set({ state: 'ready' }).execute()
    expect((await begin()).status).toBeLessThan(300)
  })
})

describe('requests per token', () => {
  test.each(WAYS)('count %s: 429/10009', async (_, begin) => {
    await start({ rateLimit: 1 })
    expect((await begin()).status).toBeLessThan(300)
    const refused = await begin()
    expect(told(refused)).toEqual([429, 10009])
    expect(refused.headers['retry-after']).toBe('30')
    expect(JSON.parse(refused.text)).toEqual({
      result: null,
      success: false,
      errors: [{ code: 10009, message: 'Too Many Requests: At most 1 requests per five minutes and token.' }],
      messages: null,
    })
  })

  test('do not count chunks, nor what needs no token', async () => {
    await start({ rateLimit: 2 })
    const link = await makeLink(server)
    const calls = tusCalls(server)
    const made = await calls.create(2)
    expect((await calls.patch(made.location, 0, Buffer.from('ab'))).status).toBe(204)
    expect((await calls.head(made.location)).status).toBe(200)
    expect((await sendForm(link.uploadURL, fileForm(movieBytes(5_000)))).status).toBe(200)
    expect(told(await askForLink(server, { maxDurationSeconds: 60 }))).toEqual([429, 10009])
  })
})

describe('bodies', () => {
  test.each(['direct_upload', 'copy'])(
    'of JSON for %s whose length says over 1 MiB: 413/10008 before a byte of it is read',
    async (name) => {
      await start()
      const client = new RawClient(server.port)
      await client.head(
        `POST ${new URL(server.endpoint).pathname}/${name} HTTP/1.1`,
        'Host: 127.0.0.1',
        `Authorization: Bearer ${server.token}`,
        'Content-Length: 1048577',
        'Expect: 100-continue',
      )
      const answer = await client.answer()
      expect([answer?.status, refusalOf({ text: answer?.body ?? '' }).code]).toEqual([413, 10008])
      client.socket.destroy()
    },
  )

  test('of JSON over 1 MiB: 413/10008, by the length or on the way', async () => {
    await start()
    const url = `${server.endpoint}/direct_upload`
    const huge = Buffer.from(
      JSON.stringify({ maxDurationSeconds: 60, meta: { note: 'n'.repeat(1_100_000) } }),
    )
    expect(told(await call('POST', url, { ...auth(), 'content-length': String(huge.length) }, huge))).toEqual(
      [413, 10008],
    )
    expect(told(await call('POST', url, { ...auth(), 'transfer-encoding': 'chunked' }, huge))).toEqual([
      413, 10008,
    ])
  })
})

describe('storage minutes', () => {
  test('a link reserves its longest duration; what exceeds the allocation is refused: 413/10011', async () => {
    await start({ limits: { storageMinutes: 10 } })
    await makeLink(server, { maxDurationSeconds: 420, creator: 'a' })
    expect(await minutesInUse(server)).toBe(7)
    expect([await minutesInUse(server, 'a'), await minutesInUse(server, 'b')]).toEqual([7, 0])
    const refused = await askForLink(server, { maxDurationSeconds: 181 })
    expect(told(refused)).toEqual([413, 10011])
    expect(JSON.parse(refused.text)).toMatchObject({
      success: false,
      messages: [{ code: 10011, message: '7 of 10 storage minutes are in use or reserved' }],
    })
    expect((await askForLink(server, { maxDurationSeconds: 180 })).status).toBe(200)
    expect(told(await tusCalls(server).create(1_000, limited(1)))).toEqual([413, 10011])
    // Nothing is reserved without a limit of its own, and what is full is not over.
    expect((await tusCalls(server).create(1_000)).status).toBe(201)
  })

  test('of ten that ask for the last minute in the same moment one gets it', async () => {
    await start({ limits: { storageMinutes: 3 } })
    await makeLink(server, { maxDurationSeconds: 120 })
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0
          ? askForLink(server, { maxDurationSeconds: 60 })
          : tusCalls(server).create(1_000, limited(60)),
      ),
    )
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 413)).toHaveLength(9)
    expect(await minutesInUse(server)).toBe(3)
  })

  test('processing keeps the reservation until the duration is known, then counts that', async () => {
    await start({ limits: { storageMinutes: 10 } })
    const { uid, uploadURL } = await makeLink(server, { maxDurationSeconds: 600 })
    await sendForm(uploadURL, fileForm(movieBytes(5_000)))
    // The link's end of life says nothing about a file that has arrived.
    server.forward(3_600)
    expect(await minutesInUse(server)).toBe(10)
    await inTrx((trx) => moveVideo(trx, server.deps, uid, 'inprogress'))
    expect(await minutesInUse(server)).toBe(10)
    await inTrx((trx) => setSourceFacts(trx, uid, { durationSeconds: 89.2 }))
    expect(await minutesInUse(server)).toBe(1.5)
    await inTrx((trx) => moveVideo(trx, server.deps, uid, 'ready'))
    expect(await minutesInUse(server)).toBe(1.5)
    await deleteVideo(server.deps, server.accountId, uid)
    expect(await minutesInUse(server)).toBe(0)
  })

  describe.each<[string, () => Promise<string>]>([
    ['a form link', async () => (await makeLink(server, { maxDurationSeconds: 600 })).uid],
    ['a tus upload', async () => (await tusCalls(server).create(1_000, limited(600))).uid],
    [
      'a one-time tus link',
      async () => (await tusCalls(server).create(1_000, { ...limited(600), query: '?direct_user=true' })).uid,
    ],
    ['a copy', async () => JSON.parse((await askForCopy(limited(600).headers)).text).result.uid],
  ])('the reservation of %s', (way, begin) => {
    test.each<[string, (uid: string) => Promise<unknown>]>([
      ['failure while it waits', (uid) => fail(uid)],
      [
        'failure in processing',
        async (uid) => {
          await inTrx((trx) => moveVideo(trx, server.deps, uid, 'queued'))
          await fail(uid)
        },
      ],
      ['deletion', (uid) => deleteVideo(server.deps, server.accountId, uid)],
      ['expiry', async () => server.forward(DAY_SECONDS)],
    ])('is freed by %s', async (event, end) => {
      await start({ limits: { storageMinutes: 10 } })
      const uid = await begin()
      expect(await minutesInUse(server)).toBe(10)
      expect(told(await askForLink(server, { maxDurationSeconds: 1 }))).toEqual([413, 10011])
      await end(uid)
      // What the server fetches itself does not expire.
      const left = way === 'a copy' && event === 'expiry' ? 10 : 0
      expect(await minutesInUse(server)).toBe(left)
      if (left === 0) expect((await askForLink(server, { maxDurationSeconds: 600 })).status).toBe(200)
    })

    test('becomes what the video lasts when that is known', async () => {
      await start({ limits: { storageMinutes: 10 } })
      const uid = await begin()
      await inTrx(async (trx) => {
        await moveVideo(trx, server.deps, uid, 'queued')
        await moveVideo(trx, server.deps, uid, 'inprogress')
        await setSourceFacts(trx, uid, { durationSeconds: 90 })
      })
      expect(await minutesInUse(server)).toBe(1.5)
      expect((await askForLink(server, { maxDurationSeconds: 510 })).status).toBe(200)
      expect(told(await askForLink(server, { maxDurationSeconds: 1 }))).toEqual([413, 10011])
    })
  })

  test('a link that was made takes its file, whatever has filled up since', async () => {
    await start({ limits: { storageMinutes: 10 } })
    const link = await makeLink(server, { maxDurationSeconds: 60 })
    const other = await makeLink(server, { maxDurationSeconds: 540 })
    await editVideo({ ...server.deps, storageMinutes: null }, server.accountId, other.uid, {
      maxDurationSeconds: 36_000,
    })
    expect(told(await askForLink(server, { maxDurationSeconds: 1 }))).toEqual([413, 10011])
    expect((await sendForm(link.uploadURL, fileForm(movieBytes(5_000)))).status).toBe(200)
  })

  test('the end of a tus upload by its sender frees its reservation', async () => {
    await start({ limits: { storageMinutes: 10 } })
    const calls = tusCalls(server)
    const made = await calls.create(1_000, limited(600))
    expect((await call('DELETE', made.location, calls.auth)).status).toBe(204)
    expect(await minutesInUse(server)).toBe(0)
  })

  test('a one-time tus link without a longest duration reserves ten hours, where there is a limit', async () => {
    await start({ limits: { storageMinutes: 601 } })
    const direct = { query: '?direct_user=true' }
    const { uid } = await tusCalls(server).create(1_000, direct)
    expect(await minutesInUse(server)).toBe(600)
    expect(await videoOf(server, uid)).toMatchObject({ maxDurationSeconds: null })
    expect(told(await tusCalls(server).create(1_000, direct))).toEqual([413, 10011])
    await deleteVideo(server.deps, server.accountId, uid)
    expect(await minutesInUse(server)).toBe(0)
    await server.stop()
    await start()
    await tusCalls(server).create(1_000, direct)
    expect(await minutesInUse(server)).toBe(0)
  })

  test('an edit moves the reservation, and a larger one must fit', async () => {
    await start({ limits: { storageMinutes: 10 } })
    const { uid } = await makeLink(server, { maxDurationSeconds: 300 })
    const edit = (maxDurationSeconds: number) =>
      call(
        'POST',
        `${server.endpoint}/${uid}`,
        auth(),
        Buffer.from(JSON.stringify({ maxDurationSeconds, creator: 'new' })),
      )
    expect((await edit(600)).status).toBe(200)
    expect(await minutesInUse(server)).toBe(10)
    expect(told(await edit(601))).toEqual([413, 10011])
    expect(await videoOf(server, uid)).toMatchObject({ maxDurationSeconds: 600 })
    expect((await edit(60)).status).toBe(200)
    expect([await minutesInUse(server), await minutesInUse(server, 'new')]).toEqual([1, 1])
    // What is over the allocation already may still be made smaller.
    await editVideo({ ...server.deps, storageMinutes: null }, server.accountId, uid, {
      maxDurationSeconds: 900,
    })
    expect((await edit(700)).status).toBe(200)
  })
})

/** Nothing fetches it here. */
function askForCopy(headers: Record<string, string> = {}): Promise<Answer> {
  const body = Buffer.from('{"url":"https://example.com/film.mp4"}')
  return call('POST', `${server.endpoint}/copy`, { ...auth(), ...headers }, body)
}

function limited(seconds: number): { headers: Record<string, string> } {
  return { headers: { 'upload-metadata': metadata({ maxDurationSeconds: String(seconds) }) } }
}

function fail(uid: string): Promise<unknown> {
  return inTrx((trx) =>
    failVideo(trx, server.deps, uid, { reasonCode: 'ERR_UNKNOWN', detail: { detail: 'it broke.' } }),
  )
}
