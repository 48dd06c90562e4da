/**
 * Audio tracks in a real browser: chosen in our player's menu, by hand and by keyboard, and in three players of others.
 * What is heard is told by its tone.
 */

import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { longTone, toneFilm } from '../harness/tones.ts'
import { type BenchPage, openBenchPage } from './players/bench-page.ts'
import { type Browsing, startBrowsing, tellVideo, untilVideo } from './pages-browser.ts'

/** The film has a tone of 440 Hz, what is added one of 1,320. */
const [ORIGINAL, ADDED] = [440, 1320]
const LABEL = 'Größer: "Regie", 2'

type Track = { uid: string; status: string }

let server: TestServer
let browsing: Browsing
let uid: string
let track: string

const editTrack = (body: object) =>
  callApi(server, `/stream/${uid}/audio/${track}`, { method: 'PATCH', body })

beforeAll(async () => {
  server = await startServer()
  browsing = await startBrowsing()
  uid = (await uploadFile(server, await toneFilm())).uid
  await waitForVideo(server, uid, 'complete')
})
afterAll(async () => {
  await browsing?.close()
  await server?.stop()
})

/** Gives the page an ear: `pitch()` is the tone that is playing, in hertz to the nearest 40. */
async function listen(page: Page): Promise<void> {
  await page.evaluate(`(() => {
    const context = new AudioContext()
    const analyser = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 })
    context.createMediaElementSource(document.querySelector('video')).connect(analyser).connect(context.destination)
    const bins = new Float32Array(analyser.frequencyBinCount)
    globalThis.pitch = () => {
      analyser.getFloatFrequencyData(bins)
      const loudest = bins.indexOf(Math.max(...bins))
      return bins[loudest] < -90 ? 0 : Math.round((loudest * context.sampleRate) / analyser.fftSize / 40) * 40
    }
  })()`)
}

const untilHeard = (page: Page, hertz: number) => untilVideo(page, `!video.paused && pitch() === ${hertz}`)

/** What the menu offers, and what is chosen. */
const choices = (page: Page) =>
  page.$$eval('media-audio-track-menu media-chrome-menu-item', (items) =>
    items.map((item) => [item.textContent?.trim(), item.getAttribute('aria-checked')]),
  )

test('a video with one sound has no menu of them', async () => {
  await using visitor = await browsing.visit()
  const { page, complaints } = visitor
  await page.goto(`${server.url}/${uid}/watch?preload=auto`)
  await untilVideo(page, 'video.readyState > 1')
  await page.locator('media-settings-menu-button').click()
  await page.locator('.quality-item, media-settings-menu-item').first().waitFor({ state: 'visible' })
  expect(await page.locator('.sound-item').isVisible()).toBe(false)
  expect(complaints).toEqual([])
})

describe('with a track beside its own sound', () => {
  beforeAll(async () => {
    const form = new FormData()
    form.append('file', new Blob([await readFile(await longTone())]))
    form.append('label', LABEL)
    const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/${uid}/audio`, {
      method: 'POST',
      headers: { authorization: `Bearer ${server.token}` },
      body: form,
    })
    track = ((await response.json()) as { result: Track }).result.uid
    for (let status = 'queued'; status !== 'ready'; ) {
      const { audio } = await callApi<{ audio: Track[] }>(server, `/stream/${uid}/audio`)
      status = audio[0]?.status ?? 'gone'
      if (status !== 'queued' && status !== 'ready') throw new Error(`the track is ${status}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })

  test('the menu switches what is heard, by keyboard and by hand', async () => {
    await using visitor = await browsing.visit()
    const { page, complaints } = visitor
    await page.goto(`${server.url}/${uid}/watch?loop=true&autoplay=true`)
    await listen(page)
    await untilHeard(page, ORIGINAL)
    await page.focus('media-settings-menu-button')
    await page.keyboard.press('Enter')
    await page.waitForSelector('media-settings-menu-item:focus')
    while ((await page.$('.sound-item:focus')) === null) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await page.waitForSelector('[role=menuitemradio][aria-checked=true]:focus')
    expect(await choices(page)).toEqual([
      ['original', 'true'],
      [LABEL.replaceAll('"', "'"), 'false'],
    ])
    await page.keyboard.press('ArrowDown')
    await page.waitForSelector('[role=menuitemradio][aria-checked=false]:focus')
    await page.keyboard.press('Enter')
    await untilHeard(page, ADDED)
    expect((await choices(page)).map(([, checked]) => checked)).toEqual(['false', 'true'])
    // The menu is still open, where the choice was made.
    await page.click('.sound-item')
    await page.click('media-audio-track-menu media-chrome-menu-item:has-text("original")')
    await untilHeard(page, ORIGINAL)
    expect(await page.locator('media-audio-track-menu').getAttribute('role')).toBe('menu')
    expect(complaints).toEqual([])
  })

  describe('in other players', () => {
    let bench: BenchPage
    beforeAll(async () => {
      bench = await openBenchPage('')
      await editTrack({ label: 'de' })
    })
    afterAll(() => bench?.close())

    /** Opens `url` in `video` and leaves `names()` and `choose(name)` behind. */
    const OPEN = {
      hls: `async (url) => {
        const hls = new Hls()
        hls.loadSource(url)
        hls.attachMedia(video)
        await new Promise((resolve) => hls.once(Hls.Events.AUDIO_TRACKS_UPDATED, resolve))
        globalThis.names = () => hls.audioTracks.map(({ name }) => name)
        globalThis.choose = (name) => { hls.audioTrack = names().indexOf(name) }
      }`,
      shaka: `async (url) => {
        const player = new shaka.Player()
        await player.attach(video)
        await player.load(url)
        globalThis.names = () => player.getAudioTracks().map(({ label }) => label)
        globalThis.choose = (name) => player.selectAudioTrack(player.getAudioTracks().find(({ label }) => label === name))
      }`,
      dash: `async (url) => {
        const player = dashjs.MediaPlayer().create()
        // It would begin with what was chosen the last time.
        player.updateSettings({ streaming: { lastMediaSettingsCachingInfo: { enabled: false } } })
        player.initialize(video, url, false)
        await new Promise((resolve) => player.on('streamInitialized', resolve))
        const tracks = () => player.getTracksFor('audio')
        globalThis.names = () => tracks().map(({ labels }) => labels[0]?.text)
        globalThis.choose = (name) => player.setCurrentTrack(tracks()[names().indexOf(name)])
      }`,
    } as const

    // The address differs, since browsers keep manifests for half a minute.
    test.each([
      { player: 'hls', manifest: 'video.m3u8' },
      { player: 'shaka', manifest: 'video.m3u8' },
      { player: 'shaka', manifest: 'video.mpd' },
      { player: 'dash', manifest: 'video.mpd' },
    ] as const)('$player begins with the default of $manifest and switches', async ({ player, manifest }) => {
      const { page } = bench
      const open = async (isDefault: boolean) => {
        await editTrack({ default: isDefault })
        await bench.reload()
        const url = JSON.stringify(`${server.url}/${uid}/manifest/${manifest}?for=${player}-${isDefault}`)
        await page.evaluate(
          `(() => { const video = document.querySelector('video'); return (${OPEN[player]})(${url}) })()`,
        )
        await listen(page)
        await tellVideo(page, 'video.loop = true; void video.play()')
      }
      await open(true)
      await untilHeard(page, ADDED)
      await open(false)
      await untilHeard(page, ORIGINAL)
      expect(await page.evaluate('names()')).toEqual(['original', 'de'])
      await page.evaluate(`choose('de')`)
      await untilHeard(page, ADDED)
      await page.evaluate(`choose('original')`)
      await untilHeard(page, ORIGINAL)
    })
  })
})
