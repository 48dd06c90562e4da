/**
 * Who may watch a protected broadcast, and have pieces of it (playback.md §6, live.md §7): the real program, an input with
 * `requireSignedURLs`, and tokens as customers sign them. Then its recording: clips and downloads.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { callApi, startServer, type TestServer, waitForVideo } from '../harness/server.ts'
import { inSeconds, readPem, type ShownKey, signJwt } from '../harness/sign-token.ts'
import { offer } from './sdp-samples.ts'

type Input = { readonly uid: string; readonly rtmp: { readonly url: string; readonly streamKey: string } }
type Video = { readonly uid: string; readonly status: { readonly state: string }; readonly duration: number }

let server: TestServer
let publisher: ChildProcess
let input: Input
let videoUid = ''
let key: ShownKey

const newKey = () => callApi<ShownKey>(server, '/stream/keys', { method: 'POST' })

beforeAll(async () => {
  server = await startServer()
  key = await newKey()
  input = await callApi<Input>(server, '/stream/live_inputs', {
    method: 'POST',
    body: {
      preferLowLatency: true,
      recording: { mode: 'automatic', requireSignedURLs: true, timeoutSeconds: 1 },
    },
  })
  const film = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25', '-f', 'lavfi', '-i', 'sine=r=48000']
  const codecs = '-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -pix_fmt yuv420p -c:a aac -ac 2'
  const address = input.rtmp.url + input.rtmp.streamKey
  const args = ['-v', 'error', '-re', ...film, ...codecs.split(' '), '-f', 'flv', address]
  publisher = spawn('ffmpeg', args, { stdio: ['pipe', 'ignore', 'ignore'] })
  await vi.waitFor(async () => expect((await get(tokenOf(input.uid), MASTER)).status).toBe(200), {
    timeout: 60_000,
    interval: 200,
  })
  const lifecycle = await (await get(tokenOf(input.uid), 'lifecycle')).json()
  videoUid = String((lifecycle as { videoUID: unknown }).videoUID)
})
afterAll(async () => {
  publisher?.kill('SIGKILL')
  await server?.stop()
})

const MASTER = 'manifest/video.m3u8?protocol=llhls'

function tokenOf(sub: string, more: object = {}, { id, pem } = key): string {
  return signJwt({ header: { kid: id }, payload: { sub, exp: inSeconds(600), ...more }, key: readPem(pem) })
}

const get = (id: string, path: string) => fetch(`${server.url}/${id}/${path}`)
/** As a viewer who leaves the offer to the server. */
const play = (id: string) =>
  fetch(`${server.url}/${id}/webRTC/play`, {
    method: 'POST',
    headers: { 'content-type': 'application/sdp' },
    body: offer({ direction: 'recvonly' }),
  })

/** The addresses of the picture's playlist, its latest part and its latest whole segment. */
async function listed(
  id: string,
): Promise<{ playlist: string; part: string; segment: string; next: number }> {
  const master = `${server.url}/${id}/${MASTER}`
  const variant = (await (await fetch(master)).text()).trimEnd().split('\n').at(-1) ?? ''
  const playlist = new URL(variant, master).href
  const text = await (await fetch(playlist)).text()
  const part = [...text.matchAll(/^#EXT-X-PART:.*URI="([^"]+)"/gm)].at(-1)?.[1] ?? ''
  const segments = text.split('\n').filter((line) => line.endsWith('.m4s'))
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1])
  return {
    playlist,
    part: new URL(part, playlist).href,
    segment: new URL(segments.at(-1) ?? '', playlist).href,
    next: first + segments.length,
  }
}

/** The same address for another viewer. */
const withId = (id: string, address: string) => address.replace(/^(http:\/\/[^/]+\/)[^/]+/, `$1${id}`)

test.each<[string, () => string]>([
  ['input', () => input.uid],
  ['video', () => videoUid],
])('a token of the uid of the %s opens everything of the broadcast, the bare uid nothing', async (_, uid) => {
  const { playlist, part, segment } = await listed(tokenOf(uid()))
  for (const address of [playlist, part, segment]) {
    expect((await fetch(address)).status).toBe(200)
    expect((await fetch(withId(uid(), address))).status).toBe(401)
  }
  expect((await get(uid(), MASTER)).status).toBe(401)
  expect((await get(uid(), 'manifest/video.mpd')).status).toBe(401)
  expect((await get(tokenOf(uid()), 'manifest/video.mpd')).status).toBe(200)
})

test('a token that has ended, is another’s, or whose rules refuse the viewer opens nothing', async () => {
  const { part, segment } = await listed(tokenOf(input.uid))
  const here = { type: 'ip.src', ip: ['127.0.0.0/8', '::1'] }
  const all = { type: 'any', action: 'block' }
  for (const [more, status] of [
    [{ exp: inSeconds(-1) }, 401],
    [{ sub: 'f'.repeat(32) }, 404],
    [{ accessRules: [all] }, 403],
    [{ accessRules: [{ ...here, action: 'block' }] }, 403],
    [{ accessRules: [{ ...here, action: 'allow' }, all] }, 200],
  ] as const) {
    const token = tokenOf(input.uid, more)
    const played = await play(token)
    await played.body?.cancel()
    expect({
      more,
      master: (await get(token, MASTER)).status,
      part: (await fetch(withId(token, part))).status,
      segment: (await fetch(withId(token, segment))).status,
      webRTC: played.status,
    }).toEqual({ more, master: status, part: status, segment: status, webRTC: status === 200 ? 201 : status })
  }
  expect((await play(input.uid)).status).toBe(401)
})

test('a key that is deleted ends its tokens: for who waits for a playlist or a part, and for segments', async () => {
  const revoked = await newKey()
  const token = tokenOf(input.uid, {}, revoked)
  // Nothing comes until it goes on, so that who waits waits.
  publisher.kill('SIGSTOP')
  const { playlist, segment, next } = await listed(token)
  const reload = `${playlist}${playlist.includes('?') ? '&' : '?'}_HLS_msn=${next}`
  const isOver = { playlist: false }
  const waiting = fetch(reload).finally(() => (isOver.playlist = true))
  // Another request that was answered later shows that it has come in, and is waiting.
  expect((await fetch(segment)).status).toBe(200)
  await callApi(server, `/stream/keys/${revoked.id}`, { method: 'DELETE' })
  expect(isOver.playlist).toBe(false)
  publisher.kill('SIGCONT')
  expect((await get(token, MASTER)).status).toBe(401)
  expect((await play(token)).status).toBe(401)
  expect((await waiting).status).toBe(401)
  await expect.poll(async () => (await fetch(segment)).status).toBe(401)
})

/** Seconds, and how many pictures, of what ffprobe reads. */
async function probe(address: string): Promise<{ seconds: number; pictures: number }> {
  const { stdout } = await promisify(execFile)('ffprobe', [
    ...'-v error -select_streams v -count_frames -of json -show_entries'.split(' '),
    'format=duration:stream=nb_read_frames',
    address,
  ])
  const { format, streams } = JSON.parse(stdout) as {
    format: { duration: string }
    streams: { nb_read_frames: string }[]
  }
  return { seconds: Number(format.duration), pictures: Number(streams[0]?.nb_read_frames) }
}

async function expectClips(): Promise<void> {
  const window = 'time=1s&duration=2s'
  expect((await get(videoUid, `clip.mp4?${window}`)).status).toBe(401)
  expect((await get(tokenOf(videoUid), `clip.mp4?${window}`)).status).toBe(403)
  const mayLoad = tokenOf(videoUid, { downloadable: true })
  const { seconds, pictures } = await probe(`${server.url}/${mayLoad}/clip.mp4?${window}`)
  // From the picture that is shown at its begin to the last one that begins before its end.
  expect(pictures).toBeGreaterThanOrEqual(50)
  expect(pictures).toBeLessThanOrEqual(51)
  expect(seconds).toBeGreaterThan(1.95)
  expect(seconds).toBeLessThan(2.1)
  // Playlists need no leave to download.
  expect((await get(videoUid, `manifest/clip.m3u8?${window}`)).status).toBe(401)
  const listed = await probe(`${server.url}/${tokenOf(videoUid)}/manifest/clip.m3u8?${window}`)
  expect(listed.pictures).toBeGreaterThanOrEqual(50)
  expect(listed.pictures / 25).toBeCloseTo(listed.seconds, 1)
  const preview = await get(tokenOf(videoUid), 'manifest/video.m3u8?duration=30s')
  expect([preview.status, preview.headers.get('stream-media-id')]).toEqual([200, videoUid])
}

test('instant clips are cut for who may download, of the broadcast and of its recording', async () => {
  // A clip ends where the broadcast is now, so what is to be cut must have come.
  await expect
    .poll(async () => {
      const clip = 'manifest/clip.m3u8?time=1s&duration=4s'
      if ((await get(tokenOf(videoUid), clip)).status !== 200) return 0
      return (await probe(`${server.url}/${tokenOf(videoUid)}/${clip}`)).seconds
    })
    .toBeGreaterThan(3.9)
  await expectClips()
  const gone = once(publisher, 'exit')
  publisher.stdin?.end('q')
  await gone
  await waitForVideo(server, videoUid, 'ready')
  await expectClips()
})

test('a recording is clipped and downloaded as every video', async () => {
  const recording = await callApi<Video>(server, `/stream/${videoUid}`)
  const clip = await callApi<Video>(server, '/stream/clip', {
    method: 'POST',
    body: { clippedFromVideoUID: videoUid, startTimeSeconds: 1, endTimeSeconds: 3 },
  })
  await callApi(server, `/stream/${videoUid}/downloads`, { method: 'POST' })
  await waitForVideo(server, clip.uid, 'ready')
  const clipped = await probe(`${server.url}/${tokenOf(clip.uid)}/manifest/video.m3u8`)
  expect(clipped.pictures).toBe(50)
  const path = 'downloads/default.mp4'
  await expect.poll(async () => (await get(tokenOf(videoUid, { downloadable: true }), path)).status).toBe(200)
  expect((await get(tokenOf(videoUid), path)).status).toBe(403)
  const file = await probe(`${server.url}/${tokenOf(videoUid, { downloadable: true })}/${path}`)
  expect(file.seconds).toBeCloseTo(recording.duration, 0)
})
