/** The player pages in a real browser: they play, wait, grow, refuse and can be used by keyboard. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Page } from 'playwright-core'
import { type Browsing, seeItPlay, startBrowsing, tellVideo, untilVideo, watch } from './pages-browser.ts'
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

/** Opens the settings and then one of their menus. */
async function openMenu(page: Page, item: string): Promise<void> {
  await page.mouse.move(300, 300)
  await page.click('media-settings-menu-button')
  await page.click(item)
}

/** What the quality menu offers, from the top. */
async function listQualities(page: Page): Promise<string[]> {
  return page.$$eval('media-rendition-menu media-chrome-menu-item', (items) =>
    items.map((item) => item.textContent.trim()),
  )
}

describe('a finished video', () => {
  test('waits for a click, plays picture and sound, seeks, and complains about nothing', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page, complaints } = visitor
    await page.goto(`${pages.api.url}/${uid}/watch`)
    await page.waitForSelector('media-controller[mediaduration], media-time-display')
    const before = await watch(page)
    expect(before).toMatchObject({ paused: true, currentTime: 0 })
    expect(pages.requests.filter((path) => path.includes(uid) && path.endsWith('.m4s'))).toEqual([])

    await page.click('.big-play')
    await seeItPlay(page)
    expect((await watch(page)).duration).toBeCloseTo(SECONDS, 0)

    await tellVideo(page, 'video.currentTime = 17')
    await seeItPlay(page)
    expect((await watch(page)).currentTime).toBeGreaterThan(17)
    expect(complaints).toEqual([])
  })

  test('begins with the quality the manifest lists first', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    await visitor.page.goto(`${pages.api.url}/${uid}/watch?autoplay`)
    await seeItPlay(visitor.page, 0.1)
    const first = pages.requests.find(
      (path) => path.includes(`${uid}/`) && /\/(?:high|middle|low)\/0\.m4s/.test(path),
    )
    expect(first).toContain('/middle/')
  })

  test('changes its quality by hand and back to automatic', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${pages.api.url}/${uid}/watch?autoplay&muted`)
    await seeItPlay(page, 0.2)
    // Automatic has gone as high as it can; from here on the menu does not change under the pointer.
    await untilVideo(page, 'video.videoHeight === 360')
    await openMenu(page, '.quality-item')
    expect((await listQualities(page)).slice(0, 3)).toEqual(['360p', '240p', '144p'])
    await page.click('media-rendition-menu media-chrome-menu-item:has-text("144p")')
    await untilVideo(page, 'video.videoHeight === 144')
    await openMenu(page, '.quality-item')
    await page.click('media-rendition-menu media-chrome-menu-item:has-text("Auto")')
    await untilVideo(page, 'video.videoHeight > 144')
    expect(visitor.complaints).toEqual([])
  })

  test('obeys the keyboard before anything was clicked, and says aloud what it did', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${pages.api.url}/${uid}/iframe`)
    await page.waitForSelector('media-play-button')
    const press = async (key: string, condition: string, said?: string) => {
      await page.keyboard.press(key)
      await untilVideo(page, condition)
      if (said !== undefined) await expect.poll(() => page.textContent('.announcer')).toBe(said)
    }
    await press('k', '!video.paused', 'Playing')
    await seeItPlay(page, 0.1)
    await press(' ', 'video.paused', 'Paused')
    await press('m', 'video.muted', 'Muted')
    await press('m', '!video.muted', 'Volume 100 %')
    await press('ArrowDown', 'video.volume < 1')
    await press('ArrowUp', 'video.volume === 1', 'Volume 100 %')
    await press('5', `Math.abs(video.currentTime - ${SECONDS / 2}) < 0.1`, '0:24')
    await press('ArrowRight', 'video.currentTime > 33', '0:34')
    await press('j', 'video.currentTime < 25')
    await press('l', 'video.currentTime > 33')
    await press('ArrowLeft', 'video.currentTime < 25')
    // The second press goes on from where the first one goes to, arrived or not.
    await page.keyboard.press('ArrowRight')
    await press('ArrowRight', 'video.currentTime > 43', '0:44')
    await press('0', 'video.currentTime === 0', '0:00')
    await press('>', 'video.playbackRate > 1')
    await press('f', 'document.fullscreenElement !== null')
    await press('f', 'document.fullscreenElement === null')
    // The menu opens by key, takes the focus, and Escape gives it back.
    const settings = 'media-settings-menu-button'
    await page.focus(settings)
    await page.keyboard.press('Enter')
    const inMenu = `document.activeElement.closest('media-settings-menu') !== null`
    await expect.poll(() => page.evaluate(inMenu)).toBe(true)
    await page.keyboard.press('Escape')
    await page.waitForSelector('media-settings-menu', { state: 'hidden' })
    expect(await page.evaluate('document.activeElement.localName')).toBe(settings)
    expect(visitor.complaints).toEqual([])
  })

  test('changes its speed by hand', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${pages.api.url}/${uid}/iframe`)
    await page.waitForSelector('media-settings-menu-button')
    await openMenu(page, 'media-settings-menu-item:has-text("Speed")')
    await page.click('media-playback-rate-menu media-chrome-menu-item:has-text("1.5")')
    await untilVideo(page, 'video.playbackRate === 1.5')
  })

  test('every control has a name for screen readers', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${pages.api.url}/${uid}/watch`)
    await page.waitForSelector('media-play-button[aria-label]')
    const nameless = await page.$$eval('[role="button"], button, [role="slider"]', (elements) =>
      elements
        .filter((each) => !each.getAttribute('aria-label') && !each.textContent.trim())
        .map((each) => each.outerHTML),
    )
    expect(nameless).toEqual([])
  })

  test('plays what it has loaded when it is refused more, and says so then', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${pages.api.url}/${uid}/watch?autoplay&muted`)
    await untilVideo(page, 'video.buffered.length > 0 && video.buffered.end(0) > 4')
    await page.route(/\.m4s$/, (route) => route.fulfill({ status: 401 }))
    const refused = page.waitForResponse((response) => response.status() === 401)
    await tellVideo(page, 'video.currentTime = Math.min(40, video.buffered.end(0) - 2.5)')
    await refused
    expect(await page.isVisible('.notice')).toBe(false)
    const { currentTime } = await watch(page)
    await tellVideo(
      page,
      `video.addEventListener('timeupdate', () => (window.shown = video.currentTime || window.shown))`,
    )
    await page.waitForSelector('text=This video is protected')
    const shown = await page.evaluate<number>('window.shown')
    expect(shown).toBeGreaterThan(currentTime + 1)
  })

  test('survives segments that are not made yet', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    pages.failSegments(7)
    await visitor.page.goto(`${pages.api.url}/${uid}/watch?autoplay&muted`)
    await seeItPlay(visitor.page, 1)
    expect(visitor.complaints).toEqual([])
  })
})

describe('the address of a player page', () => {
  test('starts where startTime says, loops and is silent when asked', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    await visitor.page.goto(`${pages.api.url}/${uid}/iframe?autoplay=true&muted=true&loop&startTime=0m12s`)
    await seeItPlay(visitor.page, 0.1)
    const now = await watch(visitor.page)
    expect(now.currentTime).toBeGreaterThanOrEqual(12)
    expect(now.muted).toBe(true)
    expect(now.loop).toBe(true)
  })

  test('loads as much as preload says, and has its own colour and poster', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(
      `${pages.api.url}/${uid}/iframe?preload=metadata&primaryColor=%23f48120&poster=%2Ffavicon.svg`,
    )
    await untilVideo(page, 'video.readyState > 0 && video.paused')
    const accent = `getComputedStyle(document.querySelector('media-time-range')).getPropertyValue('--accent')`
    expect(await page.evaluate(accent)).toBe('#f48120')
    expect(await page.getAttribute('media-poster-image', 'src')).toBe('/favicon.svg')
    const loaded = () => pages.requests.filter((path) => path.includes(uid) && path.endsWith('.m4s'))
    expect(loaded().length).toBeGreaterThan(0)

    const other = await pages.api.addVideo(READY)
    await page.goto(`${pages.api.url}/${other.uid}/iframe?preload=auto`)
    await untilVideo(page, 'video.readyState > 2 && video.buffered.end(0) > 4 && video.paused')
    expect(await page.getAttribute('media-poster-image', 'src')).toBe('thumbnails/thumbnail.jpg?height=720')
  })

  test('plays in a frame that may do nothing more', async () => {
    const { uid } = await pages.api.addVideo({
      ...READY,
      publicDetails: {
        title: 'A <b>bold</b> film',
        share_link: 'https://share.example/film',
        channel_link: 'https://channel.example/',
        logo: `${pages.api.url}/favicon.svg`,
      },
    })
    await using visitor = await browsing.visit()
    const { page } = visitor
    pages.embedIn(
      `<!doctype html><iframe src="${pages.api.url}/${uid}/iframe" width="640" height="360"></iframe>`,
    )
    await page.goto(`${pages.api.url.replace('127.0.0.1', 'localhost')}/embedding.html`)
    const frame = await (await page.waitForSelector('iframe')).contentFrame()
    // Without `allowfullscreen` the button goes, and nothing else.
    await frame?.waitForSelector('media-play-button.big-play')
    expect(await frame?.isVisible('media-fullscreen-button')).toBe(false)
    expect(await frame?.textContent('.title')).toBe('A <b>bold</b> film')
    const links = await frame?.$$eval('.title-bar a', (anchors) =>
      anchors.map((each) => ['href', 'target', 'rel'].map((name) => each.getAttribute(name)).join(' ')),
    )
    expect(links).toEqual([
      'https://channel.example/ _blank noopener noreferrer',
      'https://share.example/film _blank noopener noreferrer',
      'https://share.example/film _blank noopener noreferrer',
    ])
    expect(visitor.complaints).toEqual([])
  })

  test('hides the controls and paints the bars', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(
      `${pages.api.url}/${uid}/iframe?controls=false&letterboxColor=%23123456&primaryColor=nonsense`,
    )
    await page.waitForSelector('media-controller.bare', { state: 'attached' })
    expect(await page.isVisible('media-control-bar')).toBe(false)
    const bars = () => page.evaluate(`getComputedStyle(document.querySelector('#player')).backgroundColor`)
    expect(await bars()).toBe('rgb(18, 52, 86)')
    await page.goto(`${pages.api.url}/${uid}/iframe?controls=false&letterboxColor=transparent`)
    await page.waitForSelector('media-controller.bare', { state: 'attached' })
    expect(await bars()).toBe('rgba(0, 0, 0, 0)')
  })

  test('shows where the focus is to who goes by keyboard, and moves little for who wants that', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await page.goto(`${pages.api.url}/${uid}/iframe`)
    await page.waitForSelector('media-play-button')
    const ring = () =>
      page.evaluate(`getComputedStyle(document.querySelector('media-controller'), '::after').boxShadow`)
    expect(await ring()).toBe('none')
    await page.keyboard.press('Tab')
    await expect.poll(ring).toContain('inset')
    const transitions = `[...document.querySelectorAll('media-control-bar, media-play-button, .preview')]
      .map((element) => getComputedStyle(element).transitionDuration)`
    expect(new Set(await page.evaluate<string[]>(transitions))).toEqual(new Set(['0s']))
  })

  test('tells the manifests who embeds the player', async () => {
    const { uid } = await pages.api.addVideo(READY)
    await using visitor = await browsing.visit()
    const { page } = visitor
    // Another host name of the same server is another origin.
    const outside = pages.api.url.replace('127.0.0.1', 'localhost')
    pages.embedIn(`<!doctype html><script src="${pages.api.url}/embed/v1.latest.js" defer></script>
      <stream src="${uid}" controls autoplay muted height="360px" width="640px"></stream>`)
    await page.goto(`${outside}/embedding.html`)
    const frame = await (await page.waitForSelector('stream > iframe')).contentFrame()
    if (frame === null) throw new Error('The tag form made no frame.')
    await frame.waitForSelector('media-controller')
    await seeItPlay(frame)
    const asked = pages.requests.filter((path) => path.includes(uid) && path.includes('.m3u8'))
    expect(asked.length).toBeGreaterThanOrEqual(3)
    for (const path of asked) expect(path).toContain(`parentOrigin=${encodeURIComponent(outside)}`)
    expect(visitor.complaints).toEqual([])
  })
})

describe('a video that is being made', () => {
  test('says where it stands and plays by itself as soon as it can', async () => {
    const { uid } = await pages.api.addVideo({ ...READY, state: 'pendingupload', pctComplete: null })
    await using visitor = await browsing.visit()
    const { page, complaints } = visitor
    await page.goto(`${pages.api.url}/${uid}/watch`)
    await page.waitForSelector('text=The upload is on its way')
    await pages.change(uid, { state: 'inprogress', pct_complete: 37.2 })
    await page.waitForSelector('text=The video is being prepared: 37 %.')
    expect(await page.getAttribute('[role="progressbar"]', 'aria-valuenow')).toBe('37')
    await pages.change(uid, { state: 'ready', pct_complete: 40 })
    await seeItPlay(page)
    expect(await page.isVisible('.notice')).toBe(false)
    expect(await page.textContent('.making')).toBe('More qualities: 40 %')
    expect(complaints).toEqual([])
  })

  test('gains qualities while it plays, without a break and keeping what is loaded', async () => {
    pages.list('low')
    const { uid } = await pages.api.addVideo({ ...READY, pctComplete: 20 })
    await using visitor = await browsing.visit()
    const { page, complaints } = visitor
    await page.goto(`${pages.api.url}/${uid}/watch?autoplay&muted`)
    await seeItPlay(page, 1)
    await tellVideo(
      page,
      `window.stops = []
       for (const type of ['waiting', 'pause', 'emptied', 'seeking', 'error']) {
         video.addEventListener(type, () => window.stops.push(type))
       }`,
    )
    pages.list('middle', 'high', 'low')
    await pages.change(uid, { pct_complete: 100 })
    await page.locator('media-rendition-menu media-chrome-menu-item').nth(3).waitFor({ state: 'attached' })
    await seeItPlay(page, 1)
    expect(await page.evaluate('window.stops')).toEqual([])
    expect(await page.isVisible('.making')).toBe(false)
    const loaded = pages.requests.filter((path) => path.includes(`${uid}/low/`) && path.endsWith('.m4s'))
    // One segment may have been on its way when the list was read again.
    expect(loaded.length - new Set(loaded).size).toBeLessThanOrEqual(1)
    await openMenu(page, '.quality-item')
    await page.click('media-rendition-menu media-chrome-menu-item:has-text("360p")')
    await untilVideo(page, 'video.videoHeight === 360')
    expect(complaints).toEqual([])
  })

  test('says what is wrong when it fails, and what to do', async () => {
    const { uid } = await pages.api.addVideo({
      state: 'error',
      pctComplete: null,
      error: {
        reasonCode: 'ERR_NON_VIDEO',
        reasonText: 'The file was not recognized as a valid video file.',
        detail: { code: 'file_html', stage: 'sniff', detail: 'Expected a video file, found an HTML page.' },
      },
    })
    await using visitor = await browsing.visit()
    await visitor.page.goto(`${pages.api.url}/${uid}/watch`)
    await visitor.page.waitForSelector('text=The file was not recognized as a valid video file.')
    await visitor.page.waitForSelector('text=A download link has probably given a page about the video.')
    expect(await visitor.page.isVisible('media-control-bar')).toBe(false)
  })
})

describe('a browser that wants a gesture before sound', () => {
  test('sees the video start silently after a wait', async () => {
    const { uid } = await pages.api.addVideo({ ...READY, state: 'queued', pctComplete: null })
    await using visitor = await browsing.visit()
    // Headless Chromium lets everything play, so the refusal is the test's own.
    await visitor.page.addInitScript(`{
      const { play } = HTMLMediaElement.prototype
      HTMLMediaElement.prototype.play = function () {
        return this.muted ? play.call(this) : Promise.reject(new DOMException('a gesture is needed', 'NotAllowedError'))
      }
    }`)
    await visitor.page.goto(`${pages.api.url}/${uid}/watch`)
    await visitor.page.waitForSelector('text=Next in line')
    await pages.change(uid, { state: 'ready', pct_complete: 100 })
    await seeItPlay(visitor.page)
    expect((await watch(visitor.page)).muted).toBe(true)
  })
})
