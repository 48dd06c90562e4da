/** Clips: `client.stream.clip`, and what a clip is afterwards: a video like others; api.md §4.9. */

import { execFile } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { startReceiver } from '../harness/receiver.ts'
import { notAVideo, sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { fetchPresentation } from '../media/presentation.ts'
import { SDKS, violations } from './sdk.ts'

const run = promisify(execFile)
const DAY_MS = 86_400_000

let server: TestServer
/** Ten seconds, passed through beside encoded rungs, with sound. */
let uid: string
let failed: string

beforeAll(async () => {
  // A receiver of webhooks listens on this machine.
  server = await startServer({ env: { HEADWATER_ALLOW_PRIVATE_FETCH: 'true' } })
  uid = (await uploadFile(server, await sample('h264-aac.mp4'), { name: 'harbour' })).uid
  await waitForVideo(server, uid, 'complete')
  failed = (await uploadFile(server, await notAVideo())).uid
  await waitForVideo(server, failed, 'error')
})
afterAll(async () => {
  await server.stop()
  expect(violations).toEqual([])
})

const api = <Result>(path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') =>
  callApi<Result>(server, `/stream${path}`, { method, body })

/** Asks for a clip and waits until all of it is there. */
async function cut(from: string, startTimeSeconds: number, endTimeSeconds: number, more: object = {}) {
  const body = { clippedFromVideoUID: from, startTimeSeconds, endTimeSeconds, ...more }
  const { uid: made } = await api<PresentedVideo>('/clip', body)
  return await waitForVideo(server, made, 'complete')
}

/** One request for a clip, whatever is answered. */
async function ask(body: unknown) {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/clip`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const answer = (await response.json()) as { errors: { code: number; message: string }[] }
  return { status: response.status, code: answer.errors[0]?.code, message: answer.errors[0]?.message }
}

describe.each(SDKS)('cloudflare %s', (_version, create) => {
  test('stream.clip.create answers a queued video; then it is ready', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const account = { account_id: server.accountId }
    const scheduledDeletion = new Date(Date.now() + 40 * DAY_MS).toISOString()
    const made = await client.stream.clip.create({
      ...account,
      clippedFromVideoUID: uid,
      startTimeSeconds: 4,
      endTimeSeconds: 8,
      allowedOrigins: ['example.com', '*.example.org'],
      creator: 'member-481',
      meta: { name: 'the mole', season: 4 },
      requireSignedURLs: true,
      scheduledDeletion,
      thumbnailTimestampPct: 0.5,
      input: 'https://example.com/ignored.mp4',
    })
    expect(made).toMatchObject({
      status: { state: 'queued', errorReasonCode: '', errorReasonText: '' },
      clippedFrom: uid,
      clippedFromVideoUID: uid,
      startTimeSeconds: 4,
      endTimeSeconds: 8,
      allowedOrigins: ['example.com', '*.example.org'],
      creator: 'member-481',
      meta: { name: 'the mole', season: 4 },
      requireSignedURLs: true,
      thumbnailTimestampPct: 0.5,
      readyToStream: false,
      uploadExpiry: null,
      maxDurationSeconds: null,
      watermark: null,
    })
    expect(made.uploaded).toBe(made.created)
    expect(Date.parse(made.scheduledDeletion ?? '')).toBe(Date.parse(scheduledDeletion))
    await waitForVideo(server, made.uid ?? '', 'complete')
    const shown = await client.stream.get(made.uid ?? '', account)
    expect(shown).toMatchObject({ clippedFrom: uid, duration: 4, input: { width: 640, height: 360 } })
    expect(shown).not.toHaveProperty('startTimeSeconds')
    await expect(
      client.stream.clip.create({
        ...account,
        clippedFromVideoUID: '0'.repeat(32),
        startTimeSeconds: 0,
        endTimeSeconds: 1,
      }),
    ).rejects.toMatchObject({ status: 404, errors: [{ code: 10003 }] })
  })
})

test('what is not given comes from the source, but not the day of its deletion', async () => {
  const { uid: source } = await cut(uid, 0, 4, {
    creator: 'member-7',
    allowedOrigins: ['example.com'],
    requireSignedURLs: true,
    thumbnailTimestampPct: 0.25,
    scheduledDeletion: new Date(Date.now() + 31 * DAY_MS).toISOString(),
  })
  const inherited = await cut(source, 0, 4)
  expect(inherited).toMatchObject({
    creator: 'member-7',
    allowedOrigins: ['example.com'],
    requireSignedURLs: true,
    thumbnailTimestampPct: 0,
    scheduledDeletion: null,
    meta: { name: 'harbour' },
  })
  const own = {
    creator: null,
    allowedOrigins: [],
    requireSignedURLs: false,
    meta: { season: 5 },
    name: 'pier',
  }
  expect(await cut(source, 0, 4, own)).toMatchObject({
    creator: null,
    allowedOrigins: [],
    requireSignedURLs: false,
    meta: { season: 5, name: 'pier' },
  })
  expect((await cut(source, 0, 4, { name: 'pier' })).meta).toEqual({ name: 'pier' })
})

test('a repeat with the same Idempotency-Key makes no second one', async () => {
  const headers = { authorization: `Bearer ${server.token}`, 'idempotency-key': 'one clip' }
  const body = JSON.stringify({ clippedFromVideoUID: uid, startTimeSeconds: 0, endTimeSeconds: 4 })
  const post = async () => {
    const path = `${server.apiUrl}/accounts/${server.accountId}/stream/clip`
    return await (await fetch(path, { method: 'POST', headers, body })).text()
  }
  expect(await post()).toBe(await post())
})

describe('refused', () => {
  const whole = { clippedFromVideoUID: 'UID', startTimeSeconds: 0, endTimeSeconds: 5 }
  test.each<[string, unknown, number, number]>([
    ['no video', { startTimeSeconds: 0, endTimeSeconds: 5 }, 400, 10_005],
    ['no start', { clippedFromVideoUID: 'UID', endTimeSeconds: 5 }, 400, 10_005],
    ['no end', { clippedFromVideoUID: 'UID', startTimeSeconds: 0 }, 400, 10_005],
    ['an unknown video', { ...whole, clippedFromVideoUID: 'f'.repeat(32) }, 404, 10_003],
    ['a video that failed', { ...whole, clippedFromVideoUID: 'FAILED' }, 409, 10_007],
    ['a negative start', { ...whole, startTimeSeconds: -1 }, 400, 10_005],
    ['a start in fractions', { ...whole, startTimeSeconds: 0.5 }, 400, 10_005],
    ['an end in fractions', { ...whole, endTimeSeconds: 4.5 }, 400, 10_005],
    ['an end in words', { ...whole, endTimeSeconds: 'soon' }, 400, 10_004],
    ['an end at the start', { ...whole, startTimeSeconds: 5 }, 400, 10_005],
    ['an end beyond the video', { ...whole, endTimeSeconds: 11 }, 400, 10_005],
    ['a start far beyond it', { ...whole, startTimeSeconds: 1e9, endTimeSeconds: 1e9 + 1 }, 400, 10_005],
    ['a long creator', { ...whole, creator: 'x'.repeat(65) }, 400, 10_005],
    ['meta that is none', { ...whole, meta: [] }, 400, 10_004],
    ['a bad origin', { ...whole, allowedOrigins: ['exa mple'] }, 400, 10_005],
    ['a bad place of the thumbnail', { ...whole, thumbnailTimestampPct: 1.5 }, 400, 10_005],
    ['a deletion too soon', { ...whole, scheduledDeletion: new Date().toISOString() }, 400, 10_060],
    ['an unknown watermark', { ...whole, watermark: { uid: 'a'.repeat(32) } }, 404, 10_003],
    ['what is no JSON', '{', 400, 10_004],
  ])('%s', async (_name, body, status, code) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await ask(text.replace('"UID"', `"${uid}"`).replace('FAILED', failed))
    expect(answer).toMatchObject({ status, code })
  })
})

/** Every file below a folder. */
async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
}

/** Seconds and pictures of a file, as ffprobe counts them. */
async function measure(file: string) {
  const { stdout } = await run('ffprobe', [
    ...'-v error -count_packets -show_entries stream=codec_type,nb_read_packets:format=duration -of json'.split(
      ' ',
    ),
    file,
  ])
  const { streams, format } = JSON.parse(stdout) as {
    streams: { codec_type: string; nb_read_packets: string }[]
    format: { duration: string }
  }
  const pictures = streams.find(({ codec_type }) => codec_type === 'video')?.nb_read_packets
  return { seconds: Number(format.duration), pictures: Number(pictures) }
}

describe('a clip is a video like others', () => {
  let clip: string
  const fetched = (path: string, init?: RequestInit) => fetch(`${server.url}/${path}`, init)

  beforeAll(async () => {
    clip = (await cut(uid, 1, 9)).uid
  })

  test('its manifests and every segment of every rendition tell one story', async () => {
    const { video, audio, mpd, multivariant } = await fetchPresentation(server, clip)
    const whole = await fetchPresentation(server, uid)
    expect(video.length).toBe(whole.video.length)
    expect(multivariant).not.toContain('DISCONTINUITY')
    expect(mpd).toContain('mediaPresentationDuration="PT8S"')
    for (const track of [...video, ...audio]) {
      const { timescale } = track.init
      let ticks = 0
      for (const [number, segment] of track.segments.entries()) {
        expect(segment.tfdt).toBe(ticks)
        expect((track.extinf[number] ?? 0) * timescale).toBeCloseTo(segment.end - segment.tfdt, -1)
        ticks = segment.end
      }
      expect(Math.abs(ticks / timescale - 8)).toBeLessThan(track.kind === 'video' ? 0.001 : 0.05)
    }
    // All renditions are cut at the same instants.
    const cuts = video.map(({ segments, init }) => segments.map(({ tfdt }) => tfdt / init.timescale))
    for (const others of cuts) expect(others).toEqual(cuts[0])
  })

  test('its pictures and its download are its own', async () => {
    // The numbers of the test pattern differ from second to second.
    const picture = async (of: string, time: string) =>
      Buffer.from(
        await (await fetched(`${of}/thumbnails/thumbnail.jpg?time=${time}&height=90`)).arrayBuffer(),
      )
    expect((await picture(clip, '4s')).equals(await picture(uid, '5s'))).toBe(true)
    expect((await fetched(`${clip}/thumbnails/thumbnail.jpg?time=9s`)).status).toBe(404)
    const gif = await fetched(`${clip}/thumbnails/thumbnail.gif?time=0s&duration=2s&height=60`)
    expect([gif.status, gif.headers.get('content-type')]).toEqual([200, 'image/gif'])
    await gif.arrayBuffer()
    await api(`/${clip}/downloads`, {})
    const { url } = await downloaded(clip)
    const file = join(server.dataDir, 'clip.mp4')
    await writeFile(file, Buffer.from(await (await fetch(url)).arrayBuffer()))
    const { seconds, pictures } = await measure(file)
    expect(pictures).toBe(200)
    expect(seconds).toBeCloseTo(8, 1)
    // Decodes from its first to its last picture.
    const { stderr } = await run('ffmpeg', `-v error -xerror -i ${file} -f null -`.split(' '))
    expect(stderr).toBe('')
  })

  test('it takes captions, tokens, edits and clips of its own', async () => {
    const form = new FormData()
    form.append('file', new Blob(['WEBVTT\n\n00:01.000 --> 00:02.000\nthe mole\n']), 'en.vtt')
    const path = `${server.apiUrl}/accounts/${server.accountId}/stream/${clip}/captions/en`
    const headers = { authorization: `Bearer ${server.token}` }
    expect((await fetch(path, { method: 'PUT', headers, body: form })).status).toBe(200)
    expect(await api(`/${clip}/captions`)).toHaveLength(1)
    expect(await api(`/${uid}/captions`)).toEqual([])
    await api(`/${clip}`, { requireSignedURLs: true })
    expect((await fetched(`${clip}/manifest/video.m3u8`)).status).toBe(401)
    expect((await fetched(`${uid}/manifest/video.m3u8`)).status).toBe(200)
    const { token } = await api<{ token: string }>(`/${clip}/token`, {})
    expect((await fetched(`${token}/manifest/video.m3u8`)).status).toBe(200)
    const { uid: inner } = await cut(clip, 2, 7, { requireSignedURLs: false })
    const { video } = await fetchPresentation(server, inner)
    const samples = video[0]?.segments.flatMap((segment) => segment.samples) ?? []
    expect(samples).toHaveLength(125)
    const picture = async (of: string, time: string) =>
      Buffer.from(
        await (await fetched(`${of}/thumbnails/thumbnail.jpg?time=${time}&height=90`)).arrayBuffer(),
      )
    // Between the edges it is still the source's: 1 + 2 + 2.
    expect((await picture(inner, '2s')).equals(await picture(uid, '5s'))).toBe(true)
    await api(`/${inner}`, undefined, 'DELETE')
  })

  test('its events tell that it was cut, became ready and complete', async () => {
    const { events } = await api<{ events: { kind: string; detail: object }[] }>(
      `/../headwater/videos/${clip}/events`,
    )
    const kinds = events.map(({ kind }) => kind)
    expect(kinds).toEqual(expect.arrayContaining(['created', 'inprogress', 'planned', 'ready', 'complete']))
    expect(events.find(({ kind }) => kind === 'planned')?.detail).toMatchObject({ clippedFrom: uid })
  })
})

test('a webhook is told of a clip that is ready, once and signed, as of every video', async () => {
  await using receiver = await startReceiver()
  const { secret } = await api<{ secret: string }>('/webhook', { notificationUrl: receiver.url }, 'PUT')
  const clip = await cut(uid, 2, 6)
  await receiver.until(1)
  await api('/webhook', undefined, 'DELETE')
  const { body = '', headers } = receiver.received[0] ?? {}
  const [, time = '', signature] =
    /^time=(\d+),sig1=(\w+)$/.exec(String(headers?.['webhook-signature'])) ?? []
  expect(signature).toBe(createHmac('sha256', secret).update(`${time}.${body}`).digest('hex'))
  expect(JSON.parse(body)).toMatchObject({
    uid: clip.uid,
    clippedFrom: uid,
    readyToStream: true,
    duration: 4,
    status: { state: 'ready', errorReasonCode: '', errorReasonText: '' },
    playback: clip.playback,
  })
  expect(receiver.received).toHaveLength(1)
})

/** Polls until the download of a video is there. */
async function downloaded(of: string): Promise<{ url: string }> {
  for (;;) {
    const { default: shown } = await api<{ default: { status: string; url: string } }>(`/${of}/downloads`)
    if (shown.status === 'error') throw new Error('the download failed')
    if (shown.status === 'ready') return shown
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('what is shared lives as long as somebody shows it, and not longer', async () => {
  const kept = new Set(await filesIn(join(server.dataDir, 'blobs')))
  const { uid: source } = await uploadFile(server, await sample('h264-aac.mp4'))
  await waitForVideo(server, source, 'complete')
  const first = (await cut(source, 1, 9)).uid
  const second = (await cut(first, 1, 7)).uid
  const before = await fetchPresentation(server, second)
  await api(`/${source}`, undefined, 'DELETE')
  await api(`/${first}`, undefined, 'DELETE')
  const after = await fetchPresentation(server, second)
  for (const [index, track] of [...before.video, ...before.audio].entries()) {
    const same = [...after.video, ...after.audio][index]
    expect(same?.segments.map(({ bytes }) => bytes)).toEqual(track.segments.map(({ bytes }) => bytes))
  }
  expect(await cut(second, 0, 3)).toMatchObject({ duration: 3, clippedFrom: second })
  const rest = await api<PresentedVideo[]>(`?search=h264-aac`)
  for (const { uid: one } of rest) await api(`/${one}`, undefined, 'DELETE')
  const left = (await filesIn(join(server.dataDir, 'blobs'))).filter((file) => !kept.has(file))
  expect(left).toEqual([])
})

test('a clip of a video whose ladder is not there yet makes its own', async () => {
  const { uid: source } = await uploadFile(server, await sample('hevc.mp4'))
  await waitForVideo(server, source, 'ready')
  const made = await cut(source, 1, 5)
  expect(made.duration).toBe(4)
  const { video } = await fetchPresentation(server, made.uid)
  for (const { segments } of video) {
    expect(segments.flatMap((segment) => segment.samples)).toHaveLength(4 * 25)
  }
})
