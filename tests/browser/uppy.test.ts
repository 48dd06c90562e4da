/**
 * The Uppy example in a real browser, with the version of Cloudflare's own sample and the newest: page → relay → one-time
 * link → watch page, over a line that breaks. uploads.md §2.4, §9.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PresentedVideo } from '../../src/http/present-video.ts'
import { type Line, layLine } from '../harness/line.ts'
import { customSample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer } from '../harness/server.ts'
import { type Browsing, seeItPlay, startBrowsing } from './pages-browser.ts'

const MIB = 1_048_576
const NOISE = [
  ...'-f lavfi -i testsrc2=size=320x180:rate=25:duration=10,noise=alls=60:allf=t'.split(' '),
  ...'-c:v libx264 -preset ultrafast -pix_fmt yuv420p -b:v 4M -g 50'.split(' '),
]

let server: TestServer
let browsing: Browsing
/** A film of some megabytes, so small a picture that nothing has to be encoded of it while others watch. */
let film = ''

beforeAll(async () => {
  server = await startServer()
  browsing = await startBrowsing()
  film = await customSample('noise-180.mp4', NOISE)
})
afterAll(async () => {
  await browsing?.close()
  await server?.stop()
})

type Site = AsyncDisposable & { readonly url: string; readonly line: Line }

/** The example's backend in a process of its own, and its line to the server. */
async function startSite(uppy: string): Promise<Site> {
  const line = await layLine(server.url)
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../examples/uppy/server.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HEADWATER_PUBLIC_URL: line.url,
      HEADWATER_ACCOUNT_ID: server.accountId,
      HEADWATER_API_TOKEN: server.token,
      PORT: '0',
      UPPY: uppy,
    },
  })
  const exited = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })
  const [said] = (await once(lines, 'line')) as [string]
  return {
    url: /http:\S+/.exec(said)?.[0] ?? '',
    line,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await exited
      await line[Symbol.asyncDispose]()
    },
  }
}

/** Chooses the film and presses Uppy's button. */
async function chooseAndUpload(page: Page): Promise<void> {
  await page.locator('.uppy-Dashboard-input').first().setInputFiles(film)
  await page.click('.uppy-StatusBar-actionBtn--upload')
}

/** Offsets of the chunks that the page sends from now on, and how often it asked for a link. */
function observe(page: Page): { offsets: number[]; links: number } {
  const seen = { offsets: [] as number[], links: 0 }
  page.on('request', (request) => {
    if (request.method() === 'PATCH') seen.offsets.push(Number(request.headers()['upload-offset']))
    if (request.url().endsWith('/upload-links')) seen.links += 1
  })
  return seen
}

/** Follows the link that the page shows in the end, and plays; answers the video, which is gone afterwards. */
async function watchIt(page: Page): Promise<PresentedVideo> {
  await page.click('#videos a', { timeout: 60_000 })
  await page.waitForURL(/\/watch$/)
  await page.click('.big-play')
  await seeItPlay(page)
  const uid = /([0-9a-f]{32})\/watch/.exec(page.url())?.[1] ?? ''
  const video = await callApi<PresentedVideo>(server, `/stream/${uid}`)
  // Its further qualities would be encoded all through the next test.
  await callApi(server, `/stream/${uid}`, { method: 'DELETE' })
  return video
}

describe.each([
  ['3.0.1', 'uppy-3'],
  ['6', 'uppy'],
])('Uppy %s', (_version, uppy) => {
  test('uploads through a one-time link, and the video plays', async () => {
    await using site = await startSite(uppy)
    await using visitor = await browsing.visit()
    const { page, complaints } = visitor
    const seen = observe(page)
    await page.goto(site.url)
    await chooseAndUpload(page)
    const video = await watchIt(page)
    expect(seen).toEqual({ offsets: [0], links: 1 })
    expect(video).toMatchObject({ creator: 'visitor-1', maxDurationSeconds: 3600 })
    expect(video.meta).toMatchObject({ type: 'video/mp4', filetype: 'video/mp4', relativePath: 'null' })
    expect(video.meta.name).toBe(video.meta.filename)
    expect(complaints).toEqual([])
  })

  test('goes on by itself when the line breaks in the middle', async () => {
    await using site = await startSite(uppy)
    await using visitor = await browsing.visit()
    const { page } = visitor
    const seen = observe(page)
    await page.goto(site.url)
    const held = site.line.holdAfter(2 * MIB)
    await chooseAndUpload(page)
    await held
    site.line.cut()
    await watchIt(page)
    expect(seen.links).toBe(1)
    expect(seen.offsets).toHaveLength(2)
    expect(seen.offsets[1]).toBeGreaterThanOrEqual(MIB)
    expect((seen.offsets[1] ?? 0) % (MIB / 4)).toBe(0)
  })

  test('goes on when the page was left and the same file is chosen again', async () => {
    await using site = await startSite(uppy)
    await using visitor = await browsing.visit()
    const { page } = visitor
    const seen = observe(page)
    await page.goto(site.url)
    const held = site.line.holdAfter(2 * MIB)
    await chooseAndUpload(page)
    await held
    await page.reload()
    site.line.cut()
    await chooseAndUpload(page)
    await watchIt(page)
    expect(seen.links).toBe(1)
    expect(seen.offsets).toHaveLength(2)
    expect(seen.offsets[1]).toBeGreaterThanOrEqual(MIB)
  })
})

test('a page that sets its own limit gets no link', async () => {
  await using site = await startSite('uppy')
  const before = await callApi<unknown[]>(server, '/stream')
  const response = await fetch(`${site.url}upload-links`, {
    method: 'POST',
    headers: { 'upload-length': '1000', 'upload-metadata': `maxDurationSeconds ${btoa('36000')}` },
  })
  expect(response.status).toBe(400)
  expect(response.headers.get('location')).toBeNull()
  expect(await callApi<unknown[]>(server, '/stream')).toEqual(before)
})
