/** A Chromium for tests of our own pages, which also notes everything a page must not do: errors, refused policies. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

const CHROMIUM = process.env['HEADWATER_CHROMIUM'] ?? '/usr/bin/chromium'

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  // Nothing but the page under test may use the network or the processor.
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
  '--mute-audio',
  '--autoplay-policy=no-user-gesture-required',
]

/** One visitor: a page with an empty profile, and what it complained about. */
export type Visitor = AsyncDisposable & {
  readonly page: Page
  readonly context: BrowserContext
  /** Console errors, uncaught exceptions and violations of the content policy, in order. */
  readonly complaints: readonly string[]
}

export type Browsing = {
  readonly browser: Browser
  visit(options?: { width?: number; height?: number }): Promise<Visitor>
  close(): Promise<void>
}

/** Starts Chromium, with leave to play sound without a gesture. `args` are added to its command line. */
export async function startBrowsing(args: readonly string[] = []): Promise<Browsing> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...ARGS, ...args],
  })
  return {
    browser,
    visit: async ({ width = 1100, height = 700 } = {}) => {
      return visitIn(await browser.newContext({ viewport: { width, height } }))
    },
    close: () => browser.close(),
  }
}

/** A visitor whose browser gives frames of other sites neither cookies nor storage. */
export async function visitWithoutThirdParties(): Promise<Visitor> {
  const profile = await mkdtemp(join(tmpdir(), 'headwater-profile-'))
  await mkdir(join(profile, 'Default'))
  // What its page of settings calls "block third-party cookies".
  const preferences = { profile: { cookie_controls_mode: 1, block_third_party_cookies: true } }
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(preferences))
  const context = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: ARGS })
  const visitor = await visitIn(context)
  return {
    ...visitor,
    [Symbol.asyncDispose]: async () => {
      await context.close()
      await rm(profile, { recursive: true, force: true })
    },
  }
}

async function visitIn(context: BrowserContext): Promise<Visitor> {
  const page = await context.newPage()
  page.setDefaultTimeout(PATIENCE_MS)
  const complaints: string[] = []
  page.on('console', (message) => {
    // A refused request is the server's answer, told by the page in its own words; `complaints` is about the page.
    const refusedRequest = message.text().startsWith('Failed to load resource')
    if (message.type() === 'error' && !refusedRequest) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** What the one video element of a page (or frame) is doing. */
export type Watched = {
  readonly currentTime: number
  readonly paused: boolean
  readonly muted: boolean
  readonly loop: boolean
  readonly width: number
  readonly height: number
  readonly frames: number
  readonly duration: number
}

/** A page or a frame in it. */
type Place = Pick<Page, 'evaluate'>

const POLL_MS = 40
/** For anything that is waited for: what counts is that it comes, not how soon. */
const PATIENCE_MS = 60_000

// What runs in the page is written as text: the tests are compiled without the browser's types.
const VIDEO = `document.querySelector('video')`

/** Reads the player; `where` is a page or a frame. */
export function watch(where: Place): Promise<Watched> {
  return where.evaluate<Watched>(`(({ currentTime, paused, muted, loop, duration, videoWidth, videoHeight }) => ({
    currentTime, paused, muted, loop, duration, width: videoWidth, height: videoHeight,
    frames: ${VIDEO}.getVideoPlaybackQuality().totalVideoFrames,
  }))(${VIDEO})`)
}

/**
 * Waits until `condition` holds, an expression about `video`. Asked from here: a page whose policy forbids `eval` cannot
 * be made to ask itself.
 */
export async function untilVideo(where: Place, condition: string, timeout = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + timeout
  const question = `((video) => video !== null && (${condition}))(${VIDEO})`
  while ((await where.evaluate(question)) !== true) {
    if (performance.now() > deadline) throw new Error(`The video did not come to: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** Runs a statement about `video` in the page. */
export async function tellVideo(where: Place, statement: string): Promise<void> {
  await where.evaluate(`((video) => { ${statement} })(${VIDEO})`)
}

/** Waits until the video has moved on by `seconds` of its own time and shown new pictures. */
export async function seeItPlay(where: Place, seconds = 0.5, timeout = PATIENCE_MS): Promise<void> {
  await untilVideo(where, 'video.videoWidth > 0', timeout)
  const { currentTime, frames } = await watch(where)
  const moved = `video.currentTime > ${currentTime + seconds}`
  await untilVideo(where, `${moved} && video.getVideoPlaybackQuality().totalVideoFrames > ${frames}`, timeout)
}
