/** The Workers binding against a real server; api.md §14. */

import { openAsBlob } from 'node:fs'
import type * as Workers from '@cloudflare/workers-types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Admissions } from '../../src/core/playback/index.ts'
import { MEDIA_FAULTS } from '../../src/lib/media-faults.ts'
import { formatTimestamp } from '../../src/lib/timestamp.ts'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { sample } from '../harness/samples.ts'
import { bindTo, refusal, UNKNOWN } from './binding-fixture.ts'

let server: ApiServer
/** Typed as a Worker would have it: that this compiles is a test. */
let stream: Workers.StreamBinding

beforeAll(async () => {
  server = await startApi()
  stream = bindTo(server)
})
afterAll(() => server.close())

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

  test('says why a video failed', async () => {
    const video = await server.addVideo({
      state: 'error',
      error: {
        reasonCode: 'ERR_NON_VIDEO',
        reasonText: 'No video.',
        detail: { code: 'file_pdf', stage: 'sniff', detail: 'Found a PDF document.', position: { byte: 0 } },
      },
    })
    const { status } = await stream.video(video.uid).details()
    expect(status).toHaveProperty('failure', {
      code: 'file_pdf',
      stage: 'sniff',
      found: 'Found a PDF document.',
      advice: MEDIA_FAULTS.file_pdf.advice,
      position: { byte: 0 },
    })
  })

  test('shows all four public details once one is set', async () => {
    const { uid } = await server.addVideo({ publicDetails: { title: 'Harbour' } })
    const { publicDetails } = await stream.video(uid).details()
    expect(publicDetails).toEqual({ title: 'Harbour', share_link: null, channel_link: null, logo: null })
  })

  test('a handle asks nothing until it is used', async () => {
    const handle = bindTo(server, { fetch: () => expect.fail('it asked') }).video(UNKNOWN)
    expect(handle.id).toBe(UNKNOWN)
  })

  test('makes tokens that open it', async () => {
    const { uid } = await server.addVideo({ requireSignedUrls: true })
    const token = await stream.video(uid).generateToken()
    const admissions = new Admissions(server)
    const viewer = { address: undefined, country: undefined }
    expect(await admissions.admit({ id: token, viewer })).toMatchObject({ video: { uid } })
    await expect(admissions.admit({ id: uid, viewer })).rejects.toMatchObject({
      code: 'playback_token_required',
    })
    expect(await refusal(stream.video(UNKNOWN).generateToken())).toMatchObject({ name: 'NotFoundError' })
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
      const binding = bindTo(small)
      const error = await refusal(binding.createDirectUpload({ maxDurationSeconds: 61 }))
      expect(error).toMatchObject({ name: 'QuotaReachedError', code: 10011, statusCode: 413 })
    } finally {
      await small.close()
    }
  })
})

describe('an upload from an address', () => {
  test('answers the video at once, with what was said of it', async () => {
    const params = { creator: 'member-481', allowedOrigins: ['a.com'], requireSignedURLs: true }
    const video = await stream.upload('https://a.example/film.mp4', { ...params, meta: { name: 'n' } })
    expect(video).toMatchObject({ ...params, status: { state: 'downloading' }, size: 0, duration: -1 })
    expect(video.meta).toMatchObject({ name: 'n' })
    expect(await stream.video(video.id).details()).toMatchObject({ id: video.id, creator: 'member-481' })
  })

  test.each([
    ['film.mp4', {}, 'BadRequestError', 10005],
    ['ftp://a.example/film.mp4', {}, 'BadRequestError', 10005],
    ['https://a.example/film.mp4', { creator: 'c'.repeat(65) }, 'BadRequestError', 10005],
    ['https://a.example/film.mp4', { scheduledDeletion: '2020-01-01T00:00:00Z' }, 'BadRequestError', 10060],
    ['https://a.example/film.mp4', { watermarkId: UNKNOWN }, 'NotFoundError', 10003],
  ])('of %s with %j is refused as %s', async (url, params, name, code) => {
    expect(await refusal(stream.upload(url, params))).toMatchObject({ name, code })
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
    list = (params) => bindTo(listing).videos.list(params)
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
