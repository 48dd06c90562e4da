/** Captions in a real browser: seen at their time in our player, chosen in its menu, gone when they are deleted. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { openBenchPage } from './players/bench-page.ts'
import { type Browsing, startBrowsing, tellVideo, untilVideo } from './pages-browser.ts'

const VTT = (text: string) => `WEBVTT

STYLE
::cue(b) { color: yellow }

00:00.000 --> 00:01.000
${text} at the first picture

00:04.000 --> 00:06.000 line:80%
<b>${text}</b> from four to six
`
/** Text of the cues that are shown now. */
const SHOWN = `[...video.textTracks].filter((track) => track.mode === 'showing')
  .flatMap((track) => [...(track.activeCues ?? [])].map((cue) => cue.text))`

let server: TestServer
let browsing: Browsing
let folder: string
let uid: string

const put = async (language: string, text: string) => {
  const form = new FormData()
  form.append('file', new Blob([VTT(text)]), `${language}.vtt`)
  const response = await call(`captions/${language}`, { method: 'PUT', body: form })
  expect(response.status).toBe(200)
}
const call = (path: string, init: RequestInit) =>
  fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${server.token}` },
  })

beforeAll(async () => {
  server = await startServer()
  browsing = await startBrowsing()
  folder = await mkdtemp(join(tmpdir(), 'headwater-captions-'))
  uid = (await uploadFile(server, await sample('h264-aac.mp4'))).uid
  await waitForVideo(server, uid, 'ready')
  await put('de', 'Hallo')
  await put('en', 'Hello')
})

afterAll(async () => {
  await browsing?.close()
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

test('a cue is seen at its time, in the language the address asks for, and another is chosen in the menu', async () => {
  await using visitor = await browsing.visit()
  const { page, complaints } = visitor
  await page.goto(`${server.url}/${uid}/watch?defaultTextTrack=EN&preload=auto&muted=true`)
  // A browser looks for cues when the time moves on: within the first picture, which the first cue belongs to.
  await untilVideo(page, 'video.readyState > 1')
  await tellVideo(page, 'video.currentTime = 0.01')
  await untilVideo(page, `video.readyState > 1 && (${SHOWN}).join() === 'Hello at the first picture'`)
  await tellVideo(page, 'video.currentTime = 3.5')
  await untilVideo(page, `!video.seeking && (${SHOWN}).length === 0`)
  await tellVideo(page, 'video.currentTime = 4.2')
  await untilVideo(page, `!video.seeking && (${SHOWN}).join() === '<b>Hello</b> from four to six'`)
  await page.screenshot({ path: process.env.HEADWATER_SCREENSHOT ?? join(folder, 'cue.png') })
  await tellVideo(page, 'video.currentTime = 6.5')
  await untilVideo(page, `!video.seeking && (${SHOWN}).length === 0`)

  await page.locator('media-settings-menu-button').click()
  await page.locator('.captions-item').click()
  await page.locator('media-captions-menu').getByText('Deutsch').click()
  await tellVideo(page, 'video.currentTime = 5')
  await untilVideo(page, `!video.seeking && (${SHOWN}).join() === '<b>Hallo</b> from four to six'`)
  expect(complaints).toEqual([])
})

test('the button and the key c switch them on and off; none are on unasked', async () => {
  await using visitor = await browsing.visit()
  const { page, complaints } = visitor
  await page.goto(`${server.url}/${uid}/watch?preload=auto&muted=true`)
  await untilVideo(page, 'video.readyState > 1 && video.textTracks.length === 2')
  await tellVideo(page, 'video.currentTime = 5')
  await untilVideo(page, `!video.seeking && (${SHOWN}).length === 0`)
  const button = page.locator('media-captions-button')
  await button.click()
  await untilVideo(page, `(${SHOWN}).length === 1`)
  await button.click()
  await untilVideo(page, `(${SHOWN}).length === 0`)
  await page.keyboard.press('c')
  await untilVideo(page, `(${SHOWN}).length === 1`)
  await page.keyboard.press('c')
  await untilVideo(page, `(${SHOWN}).length === 0`)
  expect(complaints).toEqual([])
})

/** Leaves the English captions of `url` shown in `video`. */
const OPEN_IN_SHAKA = `async (url) => {
  const video = document.querySelector('video')
  const player = new shaka.Player()
  await player.attach(video)
  await player.load(url)
  player.selectTextTrack(player.getTextTracks().find((track) => track.language === 'en'))
}`
/** Times and plain text of all cues. */
const CUES = `[...video.textTracks].flatMap((track) => [...(track.cues ?? [])]
  .map((cue) => [cue.startTime, cue.endTime, cue.text.replace(/<[^>]+>/g, '')].join(' ')))`

test.each(['video.m3u8', 'video.mpd'])(
  'Shaka reads the same cues at the same times from %s',
  async (manifest) => {
    const bench = await openBenchPage('')
    try {
      const url = JSON.stringify(`${server.url}/${uid}/manifest/${manifest}`)
      await bench.page.evaluate(`(${OPEN_IN_SHAKA})(${url})`)
      await untilVideo(bench.page, `(${CUES}).includes('0 1 Hello at the first picture')`)
      await tellVideo(bench.page, 'video.currentTime = 4.2')
      await untilVideo(bench.page, `(${CUES}).includes('4 6 Hello from four to six')`)
    } finally {
      await bench.close()
    }
  },
)

test('what is deleted is not offered any more, nor found', async () => {
  const master = async () => (await fetch(`${server.url}/${uid}/manifest/video.m3u8`)).text()
  const id = /URI="(text-\w+)\.m3u8"/.exec(await master())?.[1] ?? ''
  const piece = `${server.url}/${uid}/${id}/0.vtt`
  const found = await fetch(piece)
  expect(found.status).toBe(200)
  expect(found.headers.get('content-type')).toBe('text/vtt; charset=utf-8')
  expect(found.headers.get('access-control-allow-origin')).toBe('*')
  expect(await found.text()).toContain('X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000')
  expect((await fetch(`${server.url}/${uid}/${id}/1.vtt`)).status).toBe(404)
  for (const language of ['de', 'en']) await call(`captions/${language}`, { method: 'DELETE' })
  expect(await master()).not.toContain('SUBTITLES')
  expect((await fetch(piece)).status).toBe(404)
  expect((await fetch(`${server.url}/${uid}/manifest/${id}.m3u8`)).status).toBe(404)

  await using visitor = await browsing.visit()
  const { page } = visitor
  await page.goto(`${server.url}/${uid}/watch?defaultTextTrack=en&preload=auto&muted=true`)
  await untilVideo(page, 'video.readyState > 1 && video.textTracks.length === 0')
  expect(await page.locator('media-captions-button').isVisible()).toBe(false)
})
