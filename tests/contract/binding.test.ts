/** The Workers binding against a real server; api.md §14. Its types are held against Cloudflare's own by the compiler. */

import { openAsBlob } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type * as Workers from '@cloudflare/workers-types'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import {
  type AlreadyUploadedError,
  type BadRequestError,
  ForbiddenError,
  type InternalError,
  type InvalidURLError,
  type MaxFileSizeError,
  type NotFoundError,
  type QuotaReachedError,
  type RateLimitedError,
  StreamBinding,
  type StreamBindingOptions,
  StreamError,
  type TooManyWatermarksError,
} from '../../src/binding/index.ts'
import { formatTimestamp } from '../../src/lib/timestamp.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { sample } from '../harness/samples.ts'

const UNKNOWN = '0'.repeat(32)

let server: ApiServer
/** Typed as a Worker would have it: that this compiles is a test. */
let stream: Workers.StreamBinding

beforeAll(async () => {
  server = await startApi()
  stream = bind()
})
afterAll(() => server.close())

function bind(options: Partial<StreamBindingOptions> = {}): StreamBinding {
  const { apiUrl, accountId, token } = server
  return new StreamBinding({ baseURL: apiUrl, accountId, apiToken: token, ...options })
}

/** What a call throws. Fails when it succeeds or throws something else. */
async function refusal(call: Promise<unknown>): Promise<StreamError> {
  const error: unknown = await call.then(
    (value) => expect.fail(`It succeeded with ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(StreamError)
  return error as StreamError
}

describe('the types', () => {
  test('the binding and everything on it can be given where Cloudflare asks for its own', () => {
    expectTypeOf<StreamBinding>().toExtend<Workers.StreamBinding>()
    expectTypeOf<ReturnType<StreamBinding['video']>>().toExtend<Workers.StreamVideoHandle>()
    expectTypeOf<Workers.ReadableStream>().toExtend<Parameters<StreamBinding['watermarks']['generate']>[0]>()
    expectTypeOf<ReadableStream<Uint8Array>>().toExtend<
      Parameters<StreamBinding['watermarks']['generate']>[0]
    >()
  })

  test('parameters are the same, both ways', () => {
    expectTypeOf<Parameters<StreamBinding['upload']>>().branded.toEqualTypeOf<
      Parameters<Workers.StreamBinding['upload']>
    >()
    expectTypeOf<Parameters<StreamBinding['createDirectUpload']>>().branded.toEqualTypeOf<
      Parameters<Workers.StreamBinding['createDirectUpload']>
    >()
    expectTypeOf<Parameters<StreamBinding['videos']['list']>>().branded.toEqualTypeOf<
      Parameters<Workers.StreamVideos['list']>
    >()
  })

  test('a video has every field of Cloudflare’s and no other', () => {
    type Video = Awaited<ReturnType<StreamBinding['upload']>>
    expectTypeOf<keyof Video>().toEqualTypeOf<keyof Workers.StreamVideo>()
    expectTypeOf<keyof NonNullable<Video['watermark']>>().toEqualTypeOf<keyof Workers.StreamWatermark>()
  })

  test('errors are of Cloudflare’s kinds', () => {
    expectTypeOf<StreamError>().toExtend<Workers.StreamError>()
    expectTypeOf<BadRequestError>().toExtend<Workers.BadRequestError>()
    expectTypeOf<ForbiddenError>().toExtend<Workers.ForbiddenError>()
    expectTypeOf<NotFoundError>().toExtend<Workers.NotFoundError>()
    expectTypeOf<RateLimitedError>().toExtend<Workers.RateLimitedError>()
    expectTypeOf<QuotaReachedError>().toExtend<Workers.QuotaReachedError>()
    expectTypeOf<MaxFileSizeError>().toExtend<Workers.MaxFileSizeError>()
    expectTypeOf<InvalidURLError>().toExtend<Workers.InvalidURLError>()
    expectTypeOf<AlreadyUploadedError>().toExtend<Workers.AlreadyUploadedError>()
    expectTypeOf<TooManyWatermarksError>().toExtend<Workers.TooManyWatermarksError>()
    expectTypeOf<InternalError>().toExtend<Workers.InternalError>()
  })
})

describe('a video', () => {
  test('has the binding’s names for the API’s values', async () => {
    const clippedFrom = server.clock.newUid()
    const { uid } = await server.addVideo({ creator: 'member-481', meta: { name: 'n' }, clippedFrom })
    const video = await stream.video(uid).details()
    const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}`, {
      headers: { authorization: `Bearer ${server.token}` },
    })
    const { result } = (await response.json()) as { result: Record<string, unknown> }
    const { uid: _uid, playback, clippedFrom: _from, ...same } = result
    expect(video).toEqual({
      ...same,
      id: uid,
      hlsPlaybackUrl: (playback as { hls: string }).hls,
      dashPlaybackUrl: (playback as { dash: string }).dash,
      liveInputId: null,
      clippedFromId: clippedFrom,
      publicDetails: null,
      watermark: null,
    })
    expect(JSON.parse(JSON.stringify(video))).toEqual(video)
  })

  test('shows all four public details once one is set', async () => {
    const { uid } = await server.addVideo({ publicDetails: { title: 'Harbour' } })
    const { publicDetails } = await stream.video(uid).details()
    expect(publicDetails).toEqual({ title: 'Harbour', share_link: null, channel_link: null, logo: null })
  })

  test('a handle asks nothing until it is used', async () => {
    const handle = bind({ fetch: () => expect.fail('it asked') }).video(UNKNOWN)
    expect(handle.id).toBe(UNKNOWN)
  })

  test('is changed field by field, and deleted', async () => {
    const { uid } = await server.addVideo({ creator: 'before', meta: { name: 'before' } })
    const handle = stream.video(uid)
    const changed = await handle.update({
      meta: { name: 'after' },
      requireSignedURLs: true,
      allowedOrigins: ['a.com'],
    })
    expect(changed).toMatchObject({
      id: uid,
      creator: 'before',
      meta: { name: 'after' },
      requireSignedURLs: true,
      allowedOrigins: ['a.com'],
    })
    expect(await handle.details()).toEqual(changed)
    expect(await handle.delete()).toBeUndefined()
    expect(await refusal(handle.details())).toMatchObject({
      name: 'NotFoundError',
      code: 10003,
      statusCode: 404,
    })
  })

  test.each(['', '.', '..', 'copy', '../live_inputs', UNKNOWN.toUpperCase().replace('0', 'A'), UNKNOWN])(
    'with the id "%s" is not found, whatever is asked of it',
    async (id) => {
      const handle = stream.video(id)
      for (const call of [
        () => handle.details(),
        () => handle.update({ creator: 'c' }),
        () => handle.delete(),
      ]) {
        expect(await refusal(call())).toMatchObject({ name: 'NotFoundError', code: 10003, statusCode: 404 })
      }
    },
  )
})

describe('a link for an end user', () => {
  test('is plain data, and what was said of the video is kept', async () => {
    const scheduledDeletion = new Date(Date.now() + 40 * 86_400_000).toISOString()
    const params = {
      maxDurationSeconds: 60,
      creator: 'member-481',
      meta: { name: 'harbour tour' },
      allowedOrigins: ['a.com'],
      requireSignedURLs: true,
      thumbnailTimestampPct: 0.5,
    }
    const link = await stream.createDirectUpload({ ...params, scheduledDeletion })
    const { id, uploadURL } = link
    const kept = scheduledDeletion.replace('Z', '000Z')
    expect(JSON.parse(JSON.stringify(link))).toEqual({
      id,
      uploadURL,
      watermark: null,
      scheduledDeletion: kept,
    })
    const video = await stream.video(id).details()
    expect(video).toMatchObject({
      ...params,
      status: { state: 'pendingupload' },
      scheduledDeletion: kept,
      duration: -1,
    })
    expect(await stream.video(id).update({ maxDurationSeconds: 120 })).toMatchObject({
      maxDurationSeconds: 120,
    })
  })

  test('takes one file', async () => {
    const { id, uploadURL } = await stream.createDirectUpload({ maxDurationSeconds: 60 })
    const form = new FormData()
    form.append('file', await openAsBlob(await sample('silent.mp4')), 'silent.mp4')
    const { status } = await fetch(uploadURL, { method: 'POST', body: form })
    expect(status).toBe(200)
    expect(await stream.video(id).details()).toMatchObject({ status: { state: 'queued' } })
  })

  test.each([
    [{ maxDurationSeconds: 0 }, 'BadRequestError', 10005],
    [{ maxDurationSeconds: 36_001 }, 'BadRequestError', 10005],
    [{} as { maxDurationSeconds: number }, 'BadRequestError', 10005],
    [{ maxDurationSeconds: 60, expiry: '2020-01-01T00:00:00Z' }, 'BadRequestError', 10005],
    [{ maxDurationSeconds: 60, watermark: { id: UNKNOWN } }, 'NotFoundError', 10003],
  ])('%j is refused as %s', async (params, name, code) => {
    expect(await refusal(stream.createDirectUpload(params))).toMatchObject({ name, code })
  })

  test('is not made when the storage would not hold it', async () => {
    const small = await startApi({ settings: { storageMinutes: 1 } })
    try {
      const { apiUrl: baseURL, accountId, token: apiToken } = small
      const binding = new StreamBinding({ baseURL, accountId, apiToken })
      const error = await refusal(binding.createDirectUpload({ maxDurationSeconds: 61 }))
      expect(error).toMatchObject({ name: 'QuotaReachedError', code: 10011, statusCode: 413 })
    } finally {
      await small.close()
    }
  })
})

describe('the list', () => {
  /** Microseconds; three videos, one microsecond apart. */
  const FIRST_US = 1_790_000_000_000_000
  const ids: string[] = []
  let listing: ApiServer
  let list: Workers.StreamVideos['list']

  beforeAll(async () => {
    listing = await startApi()
    for (const at of [0, 1, 2]) ids.push((await listing.addVideo({ createdUs: FIRST_US + at })).uid)
    const { apiUrl: baseURL, accountId, token: apiToken } = listing
    list = (params) => new StreamBinding({ baseURL, accountId, apiToken }).videos.list(params)
  })
  afterAll(() => listing.close())

  const numbers = async (params?: Workers.StreamVideosListParams) =>
    (await list(params)).map(({ id }) => ids.indexOf(id))
  const time = (at: number) => formatTimestamp(FIRST_US + at)
  /** Half a microsecond after video `at`, in nanoseconds. */
  const between = (at: number) => time(at).replace('Z', '500Z')

  test.each([
    [{}, [2, 1, 0]],
    [{ limit: 2 }, [2, 1]],
    [{ before: time(1) }, [0]],
    [{ before: time(1), beforeComp: 'lt' }, [0]],
    [{ before: time(1), beforeComp: 'lte' }, [1, 0]],
    [{ before: time(1), beforeComp: 'eq' }, [1]],
    [{ before: time(1), beforeComp: 'gt' }, [2]],
    [{ before: time(1), beforeComp: 'gte' }, [2, 1]],
    [{ after: time(1) }, [2, 1]],
    [{ after: time(1), afterComp: 'gt' }, [2]],
    [{ after: time(1), afterComp: 'gte' }, [2, 1]],
    [{ after: time(1), afterComp: 'eq' }, [1]],
    [{ after: time(1), afterComp: 'lt' }, [0]],
    [{ after: time(1), afterComp: 'lte' }, [1, 0]],
    [{ after: time(0), afterComp: 'gt', before: time(2) }, [1]],
    [{ after: time(2), before: time(1) }, []],
    [{ before: between(0) }, [0]],
    [{ before: between(0), beforeComp: 'lte' }, [0]],
    [{ before: between(0), beforeComp: 'eq' }, []],
    [{ after: between(0) }, [2, 1]],
    [{ after: between(0), afterComp: 'gt' }, [2, 1]],
    [{ after: time(1).replace('Z', '+00:00') }, [2, 1]],
  ] as const)('%j gives videos %j', async (params, expected) => {
    expect(await numbers(params)).toEqual(expected)
  })

  test.each([
    { limit: 0 },
    { limit: 1001 },
    { before: 'yesterday' },
    { after: time(0), afterComp: 'about' as 'eq' },
  ])('%j is refused', async (params) => {
    expect(await refusal(list(params))).toMatchObject({
      name: 'BadRequestError',
      code: 10005,
      statusCode: 400,
      message: expect.stringMatching(/^Bad Request: \w/) as string,
    })
  })
})

describe('errors', () => {
  test('a token that is not good, or may not do this, is forbidden', async () => {
    const { uid } = await server.addVideo()
    const wrong = bind({ apiToken: 'wrong-token' })
    expect(await refusal(wrong.videos.list())).toMatchObject({
      name: 'ForbiddenError',
      statusCode: 401,
      code: 10000,
    })
    const reader = bind({ apiToken: server.readToken })
    expect(await refusal(reader.video(uid).delete())).toMatchObject({
      name: 'ForbiddenError',
      statusCode: 403,
    })
    expect(await refusal(reader.video(uid).delete())).toBeInstanceOf(ForbiddenError)
    expect((await reader.video(uid).details()).id).toBe(uid)
  })

  test('a value that is refused says which', async () => {
    const { uid } = await server.addVideo()
    const error = await refusal(stream.video(uid).update({ creator: 'c'.repeat(65) }))
    expect(error).toMatchObject({ name: 'BadRequestError', code: 10005, statusCode: 400 })
    expect(error.message).toContain('creator')
    expect(String(error)).toMatch(/^BadRequestError: Bad Request/)
  })

  test('too many requests are told as such', async () => {
    const limited = await startApi({ settings: { rateLimit: 1 } })
    try {
      const { apiUrl: baseURL, accountId, token: apiToken } = limited
      const { videos } = new StreamBinding({ baseURL, accountId, apiToken })
      await videos.list()
      expect(await refusal(videos.list())).toMatchObject({
        name: 'RateLimitedError',
        code: 10009,
        statusCode: 429,
      })
    } finally {
      await limited.close()
    }
  })

  test('an action that does not fit the state is a plain StreamError', async () => {
    const { uid } = await server.addVideo({ state: 'live-inprogress' })
    expect(await refusal(stream.video(uid).delete())).toMatchObject({
      name: 'StreamError',
      code: 10046,
      statusCode: 409,
    })
  })

  test('a server that cannot be reached, and an answer that is not the API’s', async () => {
    const answers = ['<html>hello</html>', '{"hello": 1}', '']
    const other = createServer((incoming, outgoing) => {
      if (incoming.url?.endsWith('?limit=3')) outgoing.writeHead(503, { 'content-type': 'text/html' })
      if (incoming.url?.endsWith('?limit=4')) outgoing.writeHead(301, { location: server.apiUrl })
      outgoing.end(answers[Number(incoming.url?.at(-1))] ?? '<html>away</html>')
    })
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve)
    })
    const { port } = other.address() as AddressInfo
    const { videos } = bind({ baseURL: `http://127.0.0.1:${port}` })
    try {
      for (const limit of [0, 1, 2]) {
        expect(await refusal(videos.list({ limit }))).toMatchObject({
          name: 'InternalError',
          code: 10500,
          statusCode: 502,
        })
      }
      expect(await refusal(videos.list({ limit: 3 }))).toMatchObject({
        name: 'InternalError',
        statusCode: 503,
      })
      expect(await refusal(videos.list({ limit: 4 }))).toMatchObject({ name: 'StreamError', statusCode: 301 })
    } finally {
      await new Promise((resolve) => {
        other.close(resolve)
      })
    }
    const error = await refusal(videos.list())
    expect(error).toMatchObject({ name: 'InternalError', code: 10500, statusCode: 502 })
    expect(error.cause).toBeInstanceOf(Error)
    expect(error.message).not.toContain(server.token)
  })

  test.each([
    [{ baseURL: '' }, /^baseURL/],
    [{ baseURL: 'video.example.com' }, /^baseURL/],
    [{ accountId: 'mine' }, /^accountId/],
    [{ apiToken: '' }, /^apiToken/],
    [{ apiToken: 'two words' }, /^apiToken/],
  ])('the options %j are refused at once', (options, message) => {
    expect(() => bind(options)).toThrow(TypeError)
    expect(() => bind(options)).toThrow(message)
  })

  test.each(['', '/', '/client/v4', '/client/v4/'])('the base address may end in "%s"', async (ending) => {
    expect(await bind({ baseURL: server.url + ending }).videos.list({ limit: 1 })).toHaveLength(1)
  })
})
