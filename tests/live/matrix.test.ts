/**
 * Any way in to every way out (live.md §9): one server, a broadcast by each protocol, and picture and sound of it in
 * everything that it can be watched by, sent to and recorded as.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Browsing, startBrowsing } from '../browser/pages-browser.ts'
import { CAMERA_ARGS, playInto, publishCamera, received } from '../browser/webrtc-pages.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { playByMpv } from './mpv.ts'
import { ffmpeg } from './rtmp-programs.ts'

const rtmpSchema = z.object({ url: z.string(), streamKey: z.string() })
const srtSchema = z.object({ url: z.string(), streamId: z.string(), passphrase: z.string() })
const inputSchema = z.object({
  uid: z.string(),
  rtmp: rtmpSchema,
  rtmpPlayback: rtmpSchema,
  srt: srtSchema,
  srtPlayback: srtSchema,
  webRTC: z.object({ url: z.string() }),
  webRTCPlayback: z.object({ url: z.string() }),
})
type Input = z.output<typeof inputSchema>
/** Ends a broadcast. */
type Stop = () => Promise<void>

const MPV_PICTURES = 30

let server: TestServer
let browsing: Browsing

beforeAll(async () => {
  ;[server, browsing] = await Promise.all([
    startServer({
      env: {
        HEADWATER_LIVE_LADDER: 'off',
        HEADWATER_ALLOW_PRIVATE_FETCH: 'true',
        HEADWATER_SRT_PORT: '0',
      },
    }),
    startBrowsing(CAMERA_ARGS),
  ])
})

afterAll(async () => {
  await browsing.close()
  await server.stop()
})

describe('picture and sound of a broadcast arrive everywhere', () => {
  test.each<[string, (input: Input) => Promise<Stop>]>([
    ['RTMP', async ({ rtmp }) => publish(['-f', 'flv', `${rtmp.url}${rtmp.streamKey}`])],
    ['SRT', async ({ srt }) => publish(['-f', 'mpegts', srtAddress(srt)])],
    ['WHIP', publishFromPage],
  ])('published by %s', async (_, begin) => {
    const [input, target] = await Promise.all([createInput(), createInput()])
    await api('POST', `live_inputs/${input.uid}/outputs`, {
      url: target.rtmp.url,
      streamKey: target.rtmp.streamKey,
    })
    const stop = await begin(input)
    const videoUid = await waitUntilLive(input)
    const manifest = `${server.url}/${input.uid}/manifest/video`
    await Promise.all([
      expectBoth(`${manifest}.m3u8`),
      expectParts(`${manifest}.m3u8?protocol=llhls`),
      expectDash(`${manifest}.mpd`),
      expectBoth('-f', 'live_flv', '-i', `${input.rtmpPlayback.url}${input.rtmpPlayback.streamKey}`),
      expectBoth('-f', 'mpegts', '-i', srtAddress(input.srtPlayback)),
      expectInPage(input.webRTCPlayback.url),
      expectSentOn(target),
    ])
    await Promise.all([
      expectInMpv(`${manifest}.m3u8?protocol=llhls`),
      expectInMpv(`${manifest}.mpd`),
      expectInMpv(`${input.rtmpPlayback.url}${input.rtmpPlayback.streamKey}`),
      expectInMpv(srtAddress(input.srtPlayback)),
    ])
    await stop()
    const stateSchema = z.object({ status: z.object({ state: z.string() }) })
    await expect
      .poll(async () => stateSchema.parse(await api('GET', videoUid)).status.state, { timeout: 60_000 })
      .toBe('ready')
    await expectBoth(`${server.url}/${videoUid}/manifest/video.m3u8`)
  })
})

/** A small picture and a tone in their own time, until it is stopped. */
async function publish(target: readonly string[]): Promise<Stop> {
  const child = spawn(
    'ffmpeg',
    [
      ...'-hide_banner -v error -re -f lavfi -i testsrc2=s=320x180:r=15 -re -f lavfi -i sine=f=440:r=48000'.split(
        ' ',
      ),
      ...'-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 30'.split(
        ' ',
      ),
      ...'-c:a aac -ac 2'.split(' '),
      ...target,
    ],
    { stdio: ['pipe', 'ignore', 'inherit'] },
  )
  const closed: Promise<unknown> = once(child, 'close')
  await once(child, 'spawn')
  return async () => {
    child.stdin?.end('q')
    await closed
  }
}

/** A camera and a microphone of Chromium, in VP8 and Opus: nothing of it can be passed on as it is but to pages. */
async function publishFromPage({ webRTC }: Input): Promise<Stop> {
  const visitor = await browsing.visit()
  await visitor.page.goto(`${server.url}/readyz`)
  await publishCamera(visitor.page, webRTC.url, { codec: 'VP8' })
  return async () => {
    await visitor[Symbol.asyncDispose]()
  }
}

/** Seconds in which there is enough of both can be decoded; converted sound may begin later than the pictures. `input`: an address, or ffmpeg's words for one. */
async function expectBoth(...input: readonly string[]): Promise<void> {
  const words = input.length === 1 ? ['-i', ...input] : input
  const { stdout } = await ffmpeg(
    ...words,
    ...'-map 0:v:0 -map 0:a:0 -t 3 -fps_mode passthrough -f framemd5 -'.split(' '),
  )
  const tracks = stdout
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => line.split(',')[0]?.trim())
  const count = (wanted: string): number => tracks.filter((track) => track === wanted).length
  expect({ address: input.at(-1), pictures: count('0') > 3, sound: count('1') > 10 }).toEqual({
    address: input.at(-1),
    pictures: true,
    sound: true,
  })
}

/** The latest part of each track is there. */
async function expectParts(address: string): Promise<void> {
  const text = await (await fetch(address)).text()
  const variant = text.split('\n').find((line) => line !== '' && !line.startsWith('#')) ?? ''
  const sound = /#EXT-X-MEDIA:TYPE=AUDIO.*URI="([^"]+)"/.exec(text)?.[1] ?? ''
  for (const track of [variant, sound]) {
    const playlist = new URL(track, address)
    const listed = await (await fetch(playlist)).text()
    const part = [...listed.matchAll(/^#EXT-X-PART:.*URI="([^"]+)"/gm)].at(-1)?.[1]
    const answer = await fetch(new URL(part ?? 'no-part', playlist))
    expect([answer.status, Buffer.from(await answer.arrayBuffer()).includes('moof')]).toEqual([200, true])
  }
}

/** What is sent to an output is a broadcast of its own there. */
async function expectSentOn(target: Input): Promise<void> {
  await waitUntilLive(target)
  const { url, streamKey } = target.rtmpPlayback
  await expectBoth('-f', 'live_flv', '-i', `${url}${streamKey}`)
}

async function expectDash(address: string): Promise<void> {
  const text = await (await fetch(address)).text()
  expect(text).toContain('type="dynamic"')
  expect(text).toMatch(/video\/mp4/)
  expect(text).toMatch(/audio\/mp4/)
}

/** Enough pictures for a beep of the fake microphone, each another one, and what is to be heard. */
async function expectInMpv(address: string): Promise<void> {
  const { pictures, peak } = await playByMpv(address, MPV_PICTURES)
  const different = new Set(pictures).size
  expect({ address, pictures: pictures.length, different, isHeard: peak > 1_000 }).toEqual({
    address,
    pictures: MPV_PICTURES,
    different: MPV_PICTURES,
    isHeard: true,
  })
}

async function expectInPage(address: string): Promise<void> {
  await using visitor = await browsing.visit()
  await visitor.page.goto(`${server.url}/readyz`)
  await visitor.page.setContent('<video autoplay playsinline></video>')
  await playInto(visitor.page, address)
  await expect
    .poll(async () => {
      const { video, audio } = await received(visitor.page)
      return { pictures: video.framesDecoded > 5, sound: audio.energy > 0, video, audio }
    })
    .toMatchObject({ pictures: true, sound: true })
}

async function createInput(): Promise<Input> {
  return inputSchema.parse(
    await api('POST', 'live_inputs', {
      recording: { mode: 'automatic', timeoutSeconds: 1 },
      preferLowLatency: true,
    }),
  )
}

/** Uid of the video that it becomes, once it can be watched. */
async function waitUntilLive({ uid }: Input): Promise<string> {
  const manifest = `${server.url}/${uid}/manifest/video.m3u8`
  await expect.poll(async () => (await fetch(manifest)).status, { timeout: 60_000 }).toBe(200)
  const lifecycle = z.object({ videoUID: z.string() })
  return lifecycle.parse(await (await fetch(`${server.url}/${uid}/lifecycle`)).json()).videoUID
}

async function api(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = z.object({ success: z.boolean(), result: z.unknown() }).parse(await response.json())
  expect(answer.success).toBe(true)
  return answer.result
}

function srtAddress({ url, streamId, passphrase }: z.output<typeof srtSchema>): string {
  return `${url}?streamid=${streamId}&passphrase=${passphrase}&mode=caller`
}
