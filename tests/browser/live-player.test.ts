/** The player of a live input in a real browser: idle, live, away, ended, live again; at the edge and behind it. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Frame, Page } from 'playwright-core'
import { type LiveFixture, startLive } from './live-fixture.ts'
import { type Browsing, seeItPlay, startBrowsing, tellVideo, untilVideo, watch } from './pages-browser.ts'

let live: LiveFixture
let browsing: Browsing

beforeAll(async () => {
  live = await startLive()
  browsing = await startBrowsing()
})

afterAll(async () => {
  await browsing?.close()
  await live?.[Symbol.asyncDispose]()
})

beforeEach(() => {
  live.clear()
  live.describe({})
  live.countViewers(0)
  live.requests.length = 0
})

const BADGE = '.live-badge'

/** The page asks for the state of the input now, as when somebody comes back to it. */
async function ask(where: Pick<Page, 'evaluate'>): Promise<void> {
  await where.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
}

/** Whoever is behind has this distance to where he could be; the badge is what tells. */
async function untilBadge(where: Page | Frame, at: 'edge' | 'behind'): Promise<void> {
  await where.waitForSelector(`${BADGE}[data-at="${at}"]`, { state: 'attached' })
}

describe('a page of an input', () => {
  test('waits for a broadcast, shows it, stays while the publisher is away, ends, and begins again', async () => {
    await using visitor = await browsing.visit()
    const { page, complaints } = visitor
    await page.goto(`${live.input}/watch`)
    await page.waitForSelector('text=Stream has not started yet')
    expect(await page.isVisible('media-control-bar')).toBe(false)

    live.begin()
    await ask(page)
    await seeItPlay(page)
    expect(await page.isVisible('.notice')).toBe(false)
    expect((await watch(page)).duration).toBe(Number.POSITIVE_INFINITY)
    await page.mouse.move(300, 300)
    await page.waitForSelector(`${BADGE}[data-at="edge"][aria-label="Live"]`)
    expect(await page.isVisible('media-time-range')).toBe(false)

    expect(await page.textContent('.announcer')).toBe('The stream has started')

    live.lose()
    await ask(page)
    await page.waitForSelector('text=The broadcaster is away.')
    expect(await page.isVisible('.notice')).toBe(false)
    expect((await watch(page)).width).toBe(320)
    live.regain()
    await ask(page)
    await page.waitForSelector('.live-note', { state: 'hidden' })
    await seeItPlay(page)
    expect(await page.textContent('.announcer')).toBe('The broadcaster is back')

    live.end()
    await ask(page)
    await page.waitForSelector('text=The stream has ended')
    expect(await page.isVisible(BADGE)).toBe(false)
    live.begin()
    await ask(page)
    await seeItPlay(page)
    expect(await page.isVisible('.notice')).toBe(false)
    live.end()
    await ask(page)
    await page.waitForSelector('text=The stream has ended')
    expect(complaints).toEqual([])
  })

  test('opened in the middle waits for a click, starts at the edge, and comes back to it after a pause', async () => {
    live.begin()
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${live.input}/iframe`)
    await page.click('.big-play')
    await seeItPlay(page)
    await untilBadge(page, 'edge')
    await page.keyboard.press('k')
    await untilVideo(page, 'video.paused')
    await untilBadge(page, 'behind')
    expect(await page.getAttribute(BADGE, 'aria-label')).toBe('Go to live')
    // Without DVR there is no going back in time.
    const { currentTime } = await watch(page)
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('0')
    expect((await watch(page)).currentTime).toBe(currentTime)
    await page.focus(BADGE)
    await page.keyboard.press('Enter')
    await seeItPlay(page, 0.2)
    await untilBadge(page, 'edge')
    expect(visitor.complaints).toEqual([])
  })

  test('with dvrEnabled goes back to the beginning and live again', async () => {
    live.begin()
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${live.input}/iframe?dvrEnabled&autoplay&muted`)
    await seeItPlay(page, 0.2)
    await untilBadge(page, 'edge')
    await page.mouse.move(300, 300)
    expect(await page.isVisible('media-time-range')).toBe(true)
    await page.keyboard.press('0')
    await seeItPlay(page, 0.2)
    await untilBadge(page, 'behind')
    expect((await watch(page)).currentTime).toBeLessThan(2)
    expect(await page.textContent('.behind')).toMatch(/^−0:\d\d$/)
    // Behind one may play faster by choice, which is not undone.
    await tellVideo(page, 'video.playbackRate = 1.5')
    await seeItPlay(page, 0.2)
    expect(await page.evaluate(`document.querySelector('video').playbackRate`)).toBe(1.5)
    await page.click(BADGE)
    await untilBadge(page, 'edge')
    await seeItPlay(page, 0.2)
    expect(live.requests.filter((each) => /\.m3u8/.test(each) && !each.includes('dvrEnabled=true'))).toEqual(
      [],
    )
    expect(visitor.complaints).toEqual([])
  })

  test('shows how many watch, unless that is not to be known', async () => {
    live.begin()
    live.countViewers(17)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${live.input}/watch`)
    await page.waitForSelector('.viewers[aria-label="17 viewers"]', { state: 'attached' })
    live.countViewers(null)
    await page.goto(`${live.input}/watch`)
    await expect.poll(() => live.requests.filter((each) => each.endsWith('/views')).length).toBe(2)
    expect(await page.getAttribute('.viewers', 'hidden')).toBe('')
  })

  test('tells the delay in the badge and with Shift+D', async () => {
    live.begin()
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${live.input}/watch?autoplay&muted`)
    await seeItPlay(page, 0.2)
    await page.keyboard.press('Shift+D')
    await page.waitForSelector('.debug tr:has-text("delay"):has-text("s wanted")')
    await expect.poll(() => page.getAttribute(BADGE, 'title')).toMatch(/^\d+\.\d s behind the broadcast$/)
  })

  test('plays by HLS where the server offers no WebRTC', async () => {
    live.describe({ realTime: true })
    live.begin()
    await using visitor = await browsing.visit()
    await visitor.page.goto(`${live.input}/watch?autoplay&muted`)
    await seeItPlay(visitor.page, 0.2)
    expect(live.requests.some((each) => each === `POST ${new URL(live.input).pathname}/webRTC/play`)).toBe(
      true,
    )
    expect(visitor.complaints).toEqual([])
  })

  test('starts silently where the browser wants a gesture, and offers the sound', async () => {
    await using visitor = await browsing.visit()
    const { page } = visitor
    // Headless Chromium lets everything play, so the refusal is the test's own.
    await page.addInitScript(`{
      const { play } = HTMLMediaElement.prototype
      HTMLMediaElement.prototype.play = function () {
        return this.muted ? play.call(this) : Promise.reject(new DOMException('a gesture is needed', 'NotAllowedError'))
      }
    }`)
    await page.goto(`${live.input}/iframe`)
    await page.waitForSelector('text=Stream has not started yet')
    live.begin()
    await ask(page)
    await seeItPlay(page, 0.2)
    expect((await watch(page)).muted).toBe(true)
    await page.click('text=Turn on the sound')
    await untilVideo(page, '!video.muted')
    await expect.poll(() => page.isVisible('.unmute')).toBe(false)
  })
})

test('a page around the player hears of a broadcast as of a live element, by the tag form, too', async () => {
  live.embedIn(`<!doctype html><stream src="${'a'.repeat(32)}" controls muted dvrenabled></stream><script>
      var heard = [], tag = document.querySelector('stream')
      for (const name of ['playing', 'durationchange', 'ended', 'pause'])
        tag.addEventListener(name, () => heard.push(name))
    </script><script src="${live.api.url}/embed/v1.latest.js"></script>`)
  await using visitor = await browsing.visit()
  const { page } = visitor
  await page.goto(`${live.api.url.replace('127.0.0.1', 'localhost')}/embedding.html`)
  const frame = await (await page.waitForSelector('stream > iframe')).contentFrame()
  if (frame === null) throw new Error('The tag form made no frame.')
  await frame.waitForSelector('text=Stream has not started yet')
  expect(frame.url()).toContain('dvrEnabled=')
  const until = (condition: string) => page.waitForFunction(condition, undefined, { polling: 40 })
  live.begin()
  await ask(frame)
  await until(`heard.includes('playing') && tag.currentTime > 0.5 && !tag.paused`)
  expect(await page.evaluate('[tag.duration, tag.ended]')).toEqual([Number.POSITIVE_INFINITY, false])
  live.end()
  await ask(frame)
  await until(`heard.includes('ended')`)
  await frame.waitForSelector('text=The stream has ended')
  await page.evaluate('heard.length = 0')
  live.begin()
  await ask(frame)
  await until(`heard.includes('playing')`)
  expect(visitor.complaints).toEqual([])
})
