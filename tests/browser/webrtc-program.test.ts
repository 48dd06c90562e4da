/** The whole program and the pages of `examples/`: from an input that the API made to another page, and to HLS. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness/server.ts'
import { type Browsing, startBrowsing, untilVideo } from './pages-browser.ts'
import { CAMERA_ARGS, playInto, received } from './webrtc-pages.ts'

let server: TestServer
let browsing: Browsing

beforeAll(async () => {
  server = await startServer()
  browsing = await startBrowsing(CAMERA_ARGS)
})
afterAll(async () => {
  await browsing.close()
  await server.stop()
})

type Input = {
  readonly uid: string
  readonly playback: { readonly hls: string }
  readonly rtmp: { readonly url: string; readonly streamKey: string }
  readonly webRTC: { readonly url: string }
  readonly webRTCPlayback: { readonly url: string }
  readonly status: { readonly current: { readonly state: string; readonly ingestProtocol: string } } | null
}

async function call(method: string, path: string, body?: object): Promise<Input> {
  const answer = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/live_inputs${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  return ((await answer.json()) as { result: Input }).result
}

/** The pages of `examples/`, as somebody serves them on a site of his own. */
async function serveExamples(): Promise<AsyncDisposable & { readonly url: string }> {
  const pages = createServer((request, response) => {
    const name = basename(new URL(request.url ?? '', 'http://here').pathname)
    readFile(join(import.meta.dirname, '../../examples/webrtc', name)).then(
      (page) => response.writeHead(200, { 'content-type': 'text/html' }).end(page),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => {
    pages.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(pages.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        pages.close(() => resolve())
      }),
  }
}

test('the pages of examples/: one publishes, the other one plays, HLS does too, and the API says who is there', async () => {
  await using pages = await serveExamples()
  const input = await call('POST', '', { meta: { name: 'studio' }, recording: { mode: 'automatic' } })
  const status = async () => (await call('GET', `/${input.uid}`)).status?.current
  await using publisher = await browsing.visit()
  await publisher.page.goto(`${pages.url}/publish.html#${input.webRTC.url}`)
  await expect.poll(status).toMatchObject({ state: 'connected', ingestProtocol: 'webrtc' })
  // Opus is converted for it.
  await expect.poll(async () => (await fetch(input.playback.hls)).status).toBe(200)
  await using viewer = await browsing.visit()
  await viewer.page.goto(`${pages.url}/play.html#${input.webRTCPlayback.url}`)
  await untilVideo(viewer.page, 'video.videoWidth > 0 && video.currentTime > 1')
  await publisher.page.close()
  await expect.poll(status).toMatchObject({ state: 'disconnected', ingestProtocol: 'webrtc' })
})

test.each([
  ['without B-frames is played, its sound converted', 0],
  ['with B-frames is refused with a sentence', 2],
])('what ffmpeg publishes by RTMP %s', async (_name, bFrames) => {
  const input = await call('POST', '', { meta: { name: 'encoder' } })
  // prettier-ignore
  const ffmpeg = spawn(
    'ffmpeg',
    [
      '-v',
      'error',
      '-re',
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=320x180:rate=30',
      '-f',
      'lavfi',
      '-i',
      'sine=frequency=440:sample_rate=48000',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      '-g',
      '60',
      '-bf',
      String(bFrames),
      '-c:a',
      'aac',
      '-f',
      'flv',
      `${input.rtmp.url}${input.rtmp.streamKey}`,
    ],
    { stdio: 'ignore' },
  )
  try {
    const ask = () => fetch(input.webRTCPlayback.url, { method: 'POST' })
    await expect.poll(async () => (await ask()).status).not.toBe(409)
    if (bFrames > 0) {
      const answer = await ask()
      expect([answer.status, await answer.text()]).toEqual([406, expect.stringContaining('B-frames')])
      return
    }
    await using viewer = await browsing.visit()
    await viewer.page.goto(`${server.url}/healthz`)
    await viewer.page.evaluate(`document.body.innerHTML = '<video autoplay playsinline></video>'`)
    await playInto(viewer.page, input.webRTCPlayback.url)
    await untilVideo(viewer.page, 'video.videoWidth === 320 && video.currentTime > 1')
    await expect.poll(async () => (await received(viewer.page)).audio.energy).toBeGreaterThan(0)
  } finally {
    ffmpeg.kill()
    await once(ffmpeg, 'close')
  }
})
