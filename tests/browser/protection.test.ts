/** A protected video in a real browser: a signed link plays, the plain one says why it does not. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { type Browsing, seeItPlay, startBrowsing, tellVideo } from './pages-browser.ts'

let server: TestServer
let browsing: Browsing
let uid = ''

beforeAll(async () => {
  server = await startServer()
  browsing = await startBrowsing()
  uid = (await uploadFile(server, await sample('h264-aac.mp4'))).uid
  await waitForVideo(server, uid, 'ready')
  await callApi(server, `/stream/${uid}`, { method: 'POST', body: { requireSignedURLs: true } })
})

afterAll(async () => {
  await browsing?.close()
  await server?.stop()
})

const makeToken = async (body?: object) =>
  (await callApi<{ token: string }>(server, `/stream/${uid}/token`, { method: 'POST', body })).token

test.each(['watch', 'iframe'])('with a token /%s plays and seeks', async (page) => {
  const token = await makeToken()
  await using visitor = await browsing.visit()
  const asked: string[] = []
  visitor.page.on('request', (request) => asked.push(new URL(request.url()).pathname))
  await visitor.page.goto(`${server.url}/${token}/${page}?autoplay=true&muted=true`)
  await seeItPlay(visitor.page)
  await tellVideo(visitor.page, 'video.currentTime = 7')
  await seeItPlay(visitor.page)
  const media = asked.filter((path) => /\.(?:m3u8|m4s|mp4|jpg)$/.test(path))
  expect(media.length).toBeGreaterThan(4)
  expect(media.filter((path) => !path.startsWith(`/${token}/`))).toEqual([])
  expect(visitor.complaints).toEqual([])
})

test('by its plain uid the page says that it is protected', async () => {
  await using visitor = await browsing.visit()
  const answer = await visitor.page.goto(`${server.url}/${uid}/watch`)
  expect(answer?.status()).toBe(401)
  await visitor.page.waitForSelector('text=This video is protected')
  expect(visitor.complaints).toEqual([])
})

test('whom a rule keeps out is told so', async () => {
  const token = await makeToken({ accessRules: [{ type: 'any', action: 'block' }] })
  await using visitor = await browsing.visit()
  const answer = await visitor.page.goto(`${server.url}/${token}/watch`)
  expect(answer?.status()).toBe(403)
  await visitor.page.waitForSelector('text=This video does not play here')
})

test('with a token the seek bar shows pictures, before anything was played', async () => {
  const token = await makeToken()
  await waitForVideo(server, uid, 'complete')
  await using visitor = await browsing.visit()
  const { page } = visitor
  await page.goto(`${server.url}/${token}/iframe`)
  const bar = await (await page.waitForSelector('media-time-range')).boundingBox()
  if (bar === null) throw new Error('There is no seek bar.')
  const point = (share: number) => page.mouse.move(bar.x + bar.width * share, bar.y + bar.height / 2)
  await point(0.3)
  const picture = page.locator('.preview.shown .preview-picture')
  await picture.waitFor()
  expect(await picture.getAttribute('style')).toContain(
    `url("${server.url}/${token}/headwater/storyboard.jpg")`,
  )
  const before = await picture.screenshot()
  await point(0.8)
  expect(before.equals(await picture.screenshot())).toBe(false)
  await page.mouse.move(300, 300)
  await expect.poll(() => page.locator('.preview.shown').count()).toBe(0)
  // By key, it stays a moment.
  await page.keyboard.press('5')
  await picture.waitFor()
  expect(await page.textContent('.preview-time')).toBe('0:05')
  expect(await page.textContent('.announcer')).toBe('0:05')
  expect(visitor.complaints).toEqual([])
})

test('a link whose key was deleted says that it is not good any more, one that has ended that it has', async () => {
  const key = await callApi<{ id: string; pem: string }>(server, '/stream/keys', { method: 'POST' })
  const token = await makeToken({ id: key.id, pem: key.pem })
  const address = `${server.url}/${token}`
  await using visitor = await browsing.visit()
  await using later = await browsing.visit()
  for (const { page } of [visitor, later]) {
    await page.goto(`${address}/watch`)
    await page.waitForSelector('media-controller[mediaduration]')
  }
  const master = await (await fetch(`${address}/manifest/video.m3u8`)).text()
  const rendition = /^([\w-]+)\.m3u8/m.exec(master)?.[1] ?? ''
  await callApi(server, `/stream/keys/${key.id}`, { method: 'DELETE' })
  const segment = async () => (await fetch(`${address}/${rendition}/0.m4s`)).status
  await expect.poll(segment).toBe(401)

  await visitor.page.click('.big-play')
  await visitor.page.waitForSelector('text=This link is not valid any more')
  expect(await visitor.page.isVisible('text=Ask whoever gave you the link for a new one.')).toBe(true)
  // The server cannot be made to wait for an hour; the clock of the page can.
  await later.page.clock.setFixedTime(Date.now() + 2 * 3_600_000)
  await later.page.click('.big-play')
  await later.page.waitForSelector('text=This link has expired')
  await visitor.page.reload()
  await visitor.page.waitForSelector('h1:has-text("This link is not valid")')
})

test('the dashboard, whose user may make tokens, plays it', async () => {
  await using visitor = await browsing.visit()
  const { page } = visitor
  await page.goto(`${server.url}/`)
  await page.fill('#token', server.token)
  await page.click('button[type=submit]')
  await page.waitForSelector('text=Drop a video here')
  await page.goto(`${server.url}/videos/${uid}`)
  const frame = await (await page.waitForSelector('iframe[title^="Player"]')).contentFrame()
  if (frame === null) throw new Error('The player has no frame.')
  await frame.click('.big-play')
  await seeItPlay(frame)
  await page.waitForSelector('text=This video is protected')
  const link = await page.getAttribute('text=Watch page', 'href')
  expect(link).toMatch(/^\/[\w-]+\.[\w-]+\.[\w-]+\/watch$/)
  expect(visitor.complaints).toEqual([])
})
