/** The script API and the tag form (playback.md §5.3, §5.4), driven by pages on another origin in a real browser. */

import type { Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Video } from '../../src/core/videos/index.ts'
import {
  type Browsing,
  seeItPlay,
  startBrowsing,
  untilVideo,
  type Visitor,
  visitWithoutThirdParties,
  watch,
} from './pages-browser.ts'
import { type PagesFixture, SECONDS, startPages } from './pages-fixture.ts'

let pages: PagesFixture
let browsing: Browsing

beforeAll(async () => {
  pages = await startPages()
  browsing = await startBrowsing()
})

afterAll(async () => {
  await browsing?.close()
  await pages?.[Symbol.asyncDispose]()
})

const READY = { durationSeconds: SECONDS, displaySize: { width: 640, height: 360 } }
const addVideo = (fields: Partial<Video> = {}) => pages.api.addVideo({ ...READY, ...fields })
const sdk = () => `<script src="${pages.api.url}/embed/sdk.latest.js"></script>`
const frameOf = (uid: string, query = '') =>
  `<iframe src="${pages.api.url}/${uid}/iframe${query}" width="640" height="360" allow="autoplay"></iframe>`

/** Opens `html` on another origin: another host name of the same server. */
async function open(visitor: Visitor, html: string): Promise<Page> {
  pages.embedIn(`<!doctype html><title>Embedding</title><body>${html}`)
  await visitor.page.goto(`${pages.api.url.replace('127.0.0.1', 'localhost')}/embedding.html`)
  return visitor.page
}

/** The `index`-th frame of a page, once its player is there. */
async function playerFrame(page: Page, index = 0): Promise<Frame> {
  const frame = await (await page.waitForSelector(`iframe >> nth=${index}`)).contentFrame()
  if (frame === null) throw new Error('The frame is empty.')
  await frame.waitForSelector('media-controller')
  return frame
}

/** Waits until an expression about the page's own `player` holds. */
async function until(page: Page, condition: string): Promise<void> {
  await page.waitForFunction(condition, undefined, { polling: 40 })
}

describe('a page on another origin', () => {
  test('plays, reads, writes and hears a player, also before that has loaded', async () => {
    const { uid } = await addVideo()
    await using visitor = await browsing.visit()
    const page = await open(
      visitor,
      `${sdk()}${frameOf(uid, '?muted&primaryColor=%2300ff00')}<script>
        var player = Stream(document.querySelector('iframe')), heard = []
        var before = [player.paused, player.muted, player.primaryColor, player.duration, player.src]
        for (const name of ['loadedmetadata', 'durationchange', 'play', 'playing', 'timeupdate', 'seeked',
          'volumechange', 'pause', 'ended', 'progress']) player.addEventListener(name, (event) => heard.push(event.type))
        player.volume = 0.5
        player.currentTime = 5
        var playing = player.play()
        var after = [player.paused, player.volume, player.currentTime]
      </script>`,
    )
    expect(await page.evaluate('before')).toEqual([true, true, '#00ff00', Number.NaN, uid])
    expect(await page.evaluate('after')).toEqual([false, 0.5, 5])
    await page.evaluate('playing')
    const frame = await playerFrame(page)
    await seeItPlay(frame, 0.2)
    expect((await watch(frame)).currentTime).toBeGreaterThan(5)
    expect(await frame.evaluate(`document.querySelector('video').volume`)).toBe(0.5)
    await until(page, 'player.currentTime > 5.2 && player.played.length > 0 && player.videoWidth > 0')
    expect(
      await page.evaluate(`[Math.round(player.duration), player.ended, player.videoHeight > 0,
        player.buffered.length, player.buffered.end(0) > 5, player.played.end(0) > 5]`),
    ).toEqual([SECONDS, false, true, 1, true, true])
    expect(
      await page.evaluate(`(() => { try { player.buffered.start(7) } catch ({ name }) { return name } })()`),
    ).toBe('IndexSizeError')

    await page.evaluate('player.pause()')
    await untilVideo(frame, 'video.paused')
    await until(page, `heard.includes('pause')`)
    await page.evaluate('heard.length = 0; player.currentTime = 20; player.muted = false; player.loop = true')
    await untilVideo(frame, '!video.seeking && video.currentTime === 20 && !video.muted && video.loop')
    await until(page, `heard.includes('seeked') && heard.includes('volumechange')`)
    expect(await page.evaluate('[player.currentTime, player.muted, player.loop]')).toEqual([20, false, true])
    await page.evaluate(`player.loop = false; player.currentTime = ${SECONDS - 0.3}; player.play()`)
    await until(page, `player.ended && player.paused && heard.includes('ended')`)
    expect(visitor.complaints).toEqual([])
  })

  test('changes what the address said', async () => {
    const { uid } = await addVideo()
    await using visitor = await browsing.visit()
    const page = await open(
      visitor,
      `${frameOf(uid)}${sdk()}<script>var player = Stream(document.querySelector('iframe'))</script>`,
    )
    const frame = await playerFrame(page)
    await page.evaluate(`Object.assign(player, { controls: false, primaryColor: '#123456', letterboxColor: 'red',
      startTime: '12s', poster: '/favicon.svg' })`)
    await frame.waitForSelector('media-controller.bare')
    const style = await frame.evaluate(`(({ style }) => [style.getPropertyValue('--accent'),
      style.getPropertyValue('--letterbox')])(document.querySelector('#player'))`)
    expect(style).toEqual(['#123456', 'red'])
    expect(await frame.getAttribute('media-poster-image', 'src')).toBe('/favicon.svg')
    await page.evaluate(`player.preload = 'auto'`)
    await untilVideo(frame, 'video.readyState > 1 && video.currentTime === 12')
    expect(
      await page.evaluate('[player.controls, player.letterboxColor, player.startTime, player.preload]'),
    ).toEqual([false, 'red', '12s', 'auto'])
    await page.evaluate('player.autoplay = true')
    await seeItPlay(frame, 0.1)
  })

  test('is told when the browser forbids to play, and when there is nothing to play', async () => {
    const { uid } = await addVideo()
    const failed = await addVideo({
      state: 'error',
      error: { reasonCode: 'ERR_NON_VIDEO', reasonText: 'It is no video.', detail: {} },
    })
    await using visitor = await browsing.visit()
    await visitor.page.addInitScript(`HTMLMediaElement.prototype.play = () =>
      Promise.reject(new DOMException('a gesture is needed', 'NotAllowedError'))`)
    const page = await open(
      visitor,
      `${frameOf(uid)}${frameOf(failed.uid)}${sdk()}<script>
        var [first, second] = [...document.querySelectorAll('iframe')].map(Stream), errors = 0
        second.addEventListener('error', () => errors++)
      </script>`,
    )
    const problem = (player: string) =>
      page.evaluate(`${player}.play().catch(({ name, message }) => [name, message])`)
    expect(await problem('first')).toEqual(['NotAllowedError', 'a gesture is needed'])
    expect(await problem('second')).toEqual([
      'NotSupportedError',
      'This video cannot be played. It is no video. The file is probably not at fault. Try the video again; if it fails once more, the log of the server says more under its uid.',
    ])
    expect(await page.evaluate('first.paused && errors > 0')).toBe(true)
    expect(
      await page.evaluate(`['volume', 'currentTime'].map((name) => {
        try { first[name] = name === 'volume' ? 2 : NaN } catch (error) { return error.name }
      })`),
    ).toEqual(['IndexSizeError', 'TypeError'])
    expect(
      await page.evaluate(`(() => { try { Stream('#f') } catch (error) { return error.message } })()`),
    ).toContain('iframe element')
  })

  test('has two players that do not hear each other, one moved about and one shown another video', async () => {
    const videos = await Promise.all([addVideo(), addVideo(), addVideo()])
    const [one, two, three] = videos.map(({ uid }) => uid)
    await using visitor = await browsing.visit()
    const page = await open(
      visitor,
      `<div id="a">${frameOf(one ?? '', '?muted')}</div><div id="b">${frameOf(two ?? '', '?muted')}</div>${sdk()}<script>
        var frames = [...document.querySelectorAll('iframe')], [first, second] = frames.map(Stream), heard = [[], []]
        for (const name of ['playing', 'loadedmetadata']) [first, second].forEach((player, index) =>
          player.addEventListener(name, () => heard[index].push(name)))
      </script>`,
    )
    expect(await page.evaluate('Stream(frames[0]) === first')).toBe(true)
    await page.evaluate('first.play()')
    await until(page, `heard[0].includes('playing')`)
    expect(await page.evaluate('heard[1]')).toEqual([])
    expect((await watch(await playerFrame(page, 1))).paused).toBe(true)

    // A frame that is put elsewhere loads again; what was asked of the old one ends, what comes later waits for the new.
    await page.evaluate(`heard[0].length = 0; document.querySelector('#b').append(frames[0]); first.play()`)
    await until(page, `heard[0].includes('playing')`)
    await seeItPlay(await playerFrame(page, 1), 0.1)

    await page.evaluate(`second.volume = 0.25; second.loop = true; second.src = '${three}'; second.play()`)
    await until(page, `heard[1].includes('playing')`)
    const address = await page.evaluate<string>('frames[1].src')
    expect(address).toBe(`${pages.api.url}/${three}/iframe?muted=&loop=true`)
    expect(await page.evaluate('[second.src, second.loop, second.muted, second.volume]')).toEqual([
      three,
      true,
      true,
      0.25,
    ])

    // A poster of another host is let in by the address, so it changes that.
    await page.evaluate(`second.src = '${two}'; second.poster = 'https://pictures.example/a.jpg'`)
    await page.waitForFunction(`frames[1].src.includes('poster=https%3A%2F%2Fpictures.example%2Fa.jpg')`)
    expect(visitor.complaints.filter((text) => !text.includes('pictures.example'))).toEqual([])
  })

  test('needs no cookies and no storage: a browser that denies frames both plays', async () => {
    const { uid } = await addVideo()
    await using visitor = await visitWithoutThirdParties()
    const page = await open(
      visitor,
      `${frameOf(uid, '?muted')}${sdk()}<script>var player = Stream(document.querySelector('iframe'))</script>`,
    )
    const frame = await playerFrame(page)
    expect(await frame.evaluate('(() => { try { localStorage } catch ({ name }) { return name } })()')).toBe(
      'SecurityError',
    )
    await page.evaluate('player.play()')
    await seeItPlay(frame, 0.2)
    expect(await visitor.context.cookies()).toEqual([])
    expect(visitor.complaints).toEqual([])
  })

  test('gets told that no advertisement came, once, where it asked for one', async () => {
    const { uid } = await addVideo()
    await using visitor = await browsing.visit()
    const page = await open(
      visitor,
      `${frameOf(uid, '?muted&ad-url=https%3A%2F%2Fads.example%2Fvast')}${sdk()}<script>
        var player = Stream(document.querySelector('iframe')), ads = []
        for (const name of ['stream-adstart', 'stream-adend', 'stream-adtimeout'])
          player.addEventListener(name, () => ads.push(name))
        var ended = player.play().then(() => player.pause()).then(() => player.play())
      </script>`,
    )
    await page.evaluate('ended')
    await until(page, 'player.currentTime > 0.2')
    expect(await page.evaluate('[ads, player.adUrl]')).toEqual([
      ['stream-adtimeout'],
      'https://ads.example/vast',
    ])
  })
})

describe('who may control a player', () => {
  test('is the page around it and no other window', async () => {
    const { uid } = await addVideo()
    await using visitor = await browsing.visit()
    const page = await open(
      visitor,
      `${frameOf(uid, '?muted&preload=auto')}<iframe srcdoc="<script>
        onmessage = () => {
          const other = parent.frames[0]
          for (const headwater of ['connect', 'play']) other.postMessage({ headwater, number: 1 }, '*')
          setTimeout(() => parent.postMessage('asked', '*'), 200)
        }
      </script>"></iframe><script>
        var answered = []
        addEventListener('message', (event) => answered.push(event.data))
      </script>`,
    )
    const frame = await playerFrame(page)
    await untilVideo(frame, 'video.readyState > 1')
    await page.evaluate(`frames[1].postMessage('go', '*')`)
    await until(page, `answered.includes('asked')`)
    expect((await watch(frame)).paused).toBe(true)
    // Nothing is said about the video either, before the page itself has asked.
    expect(await page.evaluate(`answered.filter(({ headwater }) => headwater !== undefined)`)).toEqual([
      { headwater: 'ready' },
    ])
  })

  test('is nobody on a site that the video is not allowed on, and the viewer is told', async () => {
    const { uid } = await addVideo({ allowedOrigins: ['example.com'] })
    await using visitor = await browsing.visit()
    const page = await open(
      visitor,
      `${frameOf(uid)}${sdk()}<script>
        var player = Stream(document.querySelector('iframe')), played = 'not'
        player.play().finally(() => (played = 'over'))
      </script>`,
    )
    const frame = await (await page.waitForSelector('iframe')).contentFrame()
    await frame?.waitForSelector('text=This video does not play on this site')
    expect(await frame?.textContent('.notice-sentence')).toMatch(
      /^Its owner has not allowed it to be shown on localhost:\d+\.$/,
    )
    expect(await page.evaluate('[played, player.duration]')).toEqual(['not', Number.NaN])

    // A page that hides its address gets no player either: there the browser itself refuses the frame.
    await open(visitor, `<meta name="referrer" content="no-referrer">${frameOf(uid)}`)
    const hidden = await (await page.waitForSelector('iframe')).contentFrame()
    expect(await hidden?.locator('media-controller').count()).toBe(0)
    expect(visitor.complaints.join()).toContain('frame-ancestors')
  })
})

describe('the tag form', () => {
  test('obeys like a player, by properties, methods, events and attributes', async () => {
    const { uid } = await addVideo()
    await using visitor = await browsing.visit()
    const page = await open(
      visitor,
      `<stream src="${uid}" controls muted starttime="7s" letterbox-color="blue" width="640" height="360"></stream>
      <script>
        var heard = [], tag = document.querySelector('stream')
        tag.addEventListener('playing', (event) => heard.push(event.target === tag))
      </script><script src="${pages.api.url}/embed/v1.latest.js"></script>`,
    )
    const frame = await playerFrame(page)
    expect(
      await page.evaluate('[tag.muted, tag.controls, tag.startTime, tag.letterboxColor, tag.paused]'),
    ).toEqual([true, true, '7s', 'blue', true])
    await page.evaluate('tag.play()')
    await seeItPlay(frame, 0.1)
    expect((await watch(frame)).currentTime).toBeGreaterThan(7)
    expect(await page.evaluate('heard')).toEqual([true])
    await page.evaluate(
      `tag.removeAttribute('muted'); tag.setAttribute('loop', ''); tag.currentTime = 30; tag.pause()`,
    )
    await untilVideo(frame, 'video.paused && video.currentTime === 30 && video.loop && !video.muted')
    expect(visitor.complaints).toEqual([])
  })
})
