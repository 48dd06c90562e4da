/** The whole program and the pages of `examples/`: from an input that the API made to another page, and to HLS. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { callApi, startServer, type TestServer } from '../harness/server.ts'
import { inSeconds, readPem, type ShownKey, signJwt } from '../harness/sign-token.ts'
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

/** Publishes by RTMP until it is ended. */
function publishByRtmp({ rtmp }: Input, bFrames: number): ChildProcess {
  const film = ['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=30', '-f', 'lavfi', '-i', 'sine=r=48000']
  const codecs = `-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 60 -bf ${bFrames} -c:a aac`
  const args = ['-v', 'error', '-re', ...film, ...codecs.split(' '), '-f', 'flv', rtmp.url + rtmp.streamKey]
  return spawn('ffmpeg', args, { stdio: 'ignore' })
}

async function end(child: ChildProcess): Promise<void> {
  child.kill()
  await once(child, 'close')
}

/** A page that may play from anywhere. */
async function openPage({ page }: Awaited<ReturnType<Browsing['visit']>>): Promise<void> {
  await page.goto(`${server.url}/healthz`)
  await page.evaluate(`document.body.innerHTML = '<video autoplay playsinline></video>'`)
}

test.each([
  ['without B-frames is played, its sound converted', 0],
  ['with B-frames is refused with a sentence', 2],
])('what ffmpeg publishes by RTMP %s', async (_name, bFrames) => {
  const input = await call('POST', '', { meta: { name: 'encoder' } })
  const ffmpeg = publishByRtmp(input, bFrames)
  try {
    const ask = () => fetch(input.webRTCPlayback.url, { method: 'POST' })
    await expect.poll(async () => (await ask()).status).not.toBe(409)
    if (bFrames > 0) {
      const answer = await ask()
      expect([answer.status, await answer.text()]).toEqual([406, expect.stringContaining('B-frames')])
      return
    }
    await using viewer = await browsing.visit()
    await openPage(viewer)
    await playInto(viewer.page, input.webRTCPlayback.url)
    await untilVideo(viewer.page, 'video.videoWidth === 320 && video.currentTime > 1')
    await expect.poll(async () => (await received(viewer.page)).audio.energy).toBeGreaterThan(0)
  } finally {
    await end(ffmpeg)
  }
})

test('a viewer sees nothing more once the key of his token is deleted, and others go on', async () => {
  const input = await call('POST', '', { recording: { mode: 'off', requireSignedURLs: true } })
  const newKey = () => callApi<ShownKey>(server, '/stream/keys', { method: 'POST' })
  const [kept, revoked] = [await newKey(), await newKey()]
  const playBy = ({ id, pem }: ShownKey) => {
    const payload = { sub: input.uid, exp: inSeconds(3_600) }
    const token = signJwt({ header: { kid: id }, payload, key: readPem(pem) })
    return `${server.url}/${token}/webRTC/play`
  }
  const ffmpeg = publishByRtmp(input, 0)
  try {
    await expect.poll(async () => (await fetch(playBy(kept), { method: 'POST' })).status).toBe(201)
    await using stays = await browsing.visit()
    await using goes = await browsing.visit()
    for (const viewer of [stays, goes]) await openPage(viewer)
    await playInto(stays.page, playBy(kept))
    await playInto(goes.page, playBy(revoked))
    const pictures = async ({ page }: typeof stays) => (await received(page)).video.framesDecoded
    for (const viewer of [stays, goes]) await expect.poll(() => pictures(viewer)).toBeGreaterThan(30)
    await callApi(server, `/stream/keys/${revoked.id}`, { method: 'DELETE' })
    // One who is sent nothing decodes nothing, while the other sees three seconds and more.
    await expect
      .poll(async () => {
        const [before, beside] = [await pictures(goes), await pictures(stays)]
        await expect.poll(() => pictures(stays)).toBeGreaterThan(beside + 90)
        return (await pictures(goes)) - before
      })
      .toBe(0)
    const session = await goes.page.evaluate<string>('window.viewer.session')
    expect((await fetch(session, { method: 'DELETE' })).status).toBe(404)
  } finally {
    await end(ffmpeg)
  }
})
