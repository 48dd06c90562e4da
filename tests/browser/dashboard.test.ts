/** The dashboard in a real browser against the real program: what somebody does who never read a word about it. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Frame, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { indexFirst } from '../harness/early-samples.ts'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { type Browsing, seeItPlay, startBrowsing, tellVideo, type Visitor, watch } from './pages-browser.ts'

let server: TestServer
let browsing: Browsing

beforeAll(async () => {
  server = await startServer()
  browsing = await startBrowsing()
})

afterAll(async () => {
  await browsing?.close()
  await server?.stop()
})

async function signInByToken(page: Page): Promise<void> {
  await page.goto(`${server.url}/`)
  await page.fill('#token', server.token)
  await page.click('button[type=submit]')
  await page.waitForSelector('text=Drop a video here')
}

/** Gives a function that sets how many bytes a second the page can send; -1 is no limit. */
async function throttleUploads({
  page,
  context,
}: Visitor): Promise<(bytesPerSecond: number) => Promise<void>> {
  const session = await context.newCDPSession(page)
  return async (uploadThroughput) => {
    const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput }
    await session.send('Network.emulateNetworkConditions', conditions)
  }
}

async function playerFrame(page: Page): Promise<Frame> {
  const frame = await (await page.waitForSelector('iframe[title^="Player"]')).contentFrame()
  if (frame === null) throw new Error('The player has no frame.')
  await frame.waitForSelector('video', { state: 'attached' })
  return frame
}

describe('signing in', () => {
  test('the printed link works once, and its code stays in no address', async () => {
    const link = /http:\/\/\S+\/#code=\S+/.exec(server.output())?.[0] ?? ''
    await using visitor = await browsing.visit()
    const { page, context } = visitor
    await page.goto(link)
    await page.waitForSelector('text=Drop a video here')
    expect(page.url()).toBe(`${server.url}/`)
    const cookie = (await context.cookies()).find(({ name }) => name === 'headwater_session')
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
    expect(await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')).not.toContain(
      link.split('=')[1],
    )
    await page.reload()
    await page.waitForSelector('text=Drop a video here')
    expect(visitor.complaints).toEqual([])

    await using second = await browsing.visit()
    await second.page.goto(link)
    await second.page.waitForSelector('text=This sign-in link was used already or is too old.')
  })

  test('a wrong token is refused with a sentence, the right one opens, signing out closes', async () => {
    await using visitor = await browsing.visit()
    const { page } = visitor
    await page.goto(`${server.url}/`)
    await page.waitForSelector('text=data/api-token')
    await page.fill('#token', 'wrong')
    await page.keyboard.press('Enter')
    await page.waitForSelector('[role=alert]:has-text("unknown or revoked")')
    await signInByToken(page)
    await page.click('text=Sign out')
    await page.waitForSelector('#token')
    await page.reload()
    await page.waitForSelector('#token')
    expect(visitor.complaints).toEqual([])
  })
})

describe('a video dropped into the page', () => {
  test('plays right there, gets its qualities, and can be opened, renamed and deleted', async () => {
    await using visitor = await browsing.visit({ height: 1000 })
    const { page, complaints } = visitor
    await signInByToken(page)
    await page.setInputFiles('input[type=file]', await sample('h264-aac.mp4'))

    const frame = await playerFrame(page)
    await seeItPlay(frame)
    await tellVideo(frame, 'video.currentTime = 7')
    await seeItPlay(frame)
    expect((await watch(frame)).currentTime).toBeGreaterThan(7)

    await page.waitForSelector('[aria-label="Qualities"] >> text=as uploaded')
    const [first] = await callApi<{ uid: string }[]>(server, '/stream?limit=1')
    const uid = first?.uid ?? ''
    await waitForVideo(server, uid, 'complete')
    await page.waitForSelector('text=Ready')
    await page.waitForSelector(`section[aria-label="Library"] img[src^="/${uid}/thumbnails/"]`)

    await page.click('text=Details')
    await page.waitForURL(`${server.url}/videos/${uid}`)
    await page.waitForSelector('h1:has-text("h264-aac.mp4")')
    expect(await page.inputValue('input[readonly] >> nth=0')).toBe(`${server.url}/${uid}/watch`)
    await page.waitForSelector('text=All qualities finished')

    await page.click('text=Rename')
    await page.fill('#name', 'Test pattern')
    await page.keyboard.press('Enter')
    await page.waitForSelector('h1:has-text("Test pattern")')

    await page.click('button:has-text("Download")')
    const link = page.locator('a:has-text("Download MP4")')
    await link.waitFor()
    const file = await fetch(new URL((await link.getAttribute('href')) ?? '', server.url))
    expect(file.headers.get('content-disposition')).toBe('attachment; filename="Test-pattern.mp4"')
    expect((await file.arrayBuffer()).byteLength).toBe(Number(file.headers.get('content-length')))

    await page.click('button:has-text("Delete")')
    await page.click('text=Delete for good')
    await page.waitForURL(`${server.url}/`)
    expect(await callApi<{ uid: string }[]>(server, '/stream')).not.toContainEqual(
      expect.objectContaining({ uid }),
    )
    expect(complaints).toEqual([])
  })

  test('that is no video says so, and what to do', async () => {
    const file = join(server.dataDir, 'shopping.txt')
    await writeFile(file, 'two lemons, a lamp\n'.repeat(100))
    await using visitor = await browsing.visit()
    const { page } = visitor
    await signInByToken(page)
    await page.setInputFiles('input[type=file]', file)
    await page.waitForSelector('[role=alert]:has-text("not recognized as a valid video file")')
    await page.waitForSelector('text=Choose the video file itself and upload that.')
    await page.waitForSelector('text=file_text (sniff, byte 0)')

    await page.click('button:has-text("Try again")')
    const [{ uid } = { uid: '' }] = await callApi<{ uid: string }[]>(server, '/stream?limit=1')
    const kinds = async () =>
      (await callApi<{ events: { kind: string }[] }>(server, `/headwater/videos/${uid}/events`)).events.map(
        ({ kind }) => kind,
      )
    // What it came to after the retry, not before.
    const since = (all: string[]) => (all.includes('retried') ? all.slice(all.lastIndexOf('retried')) : [])
    await expect
      .poll(async () => since(await kinds()).slice(-2), { timeout: 30_000 })
      .toEqual(['inprogress', 'error'])
    await page.waitForSelector('button:has-text("Try again")')
  })

  test('whose index comes first plays while it is sent, in the player that it keeps', async () => {
    await using visitor = await browsing.visit({ height: 1000 })
    const { page, complaints } = visitor
    await signInByToken(page)
    const throttle = await throttleUploads(visitor)
    await throttle(200_000)
    await page.setInputFiles('input[type=file]', await indexFirst())
    const frame = await playerFrame(page)
    await seeItPlay(frame)
    await page.waitForSelector('[aria-label="Pause early-first.mp4"]')
    await tellVideo(frame, 'video.id = "the-same"')
    await throttle(-1)
    await page.waitForSelector('[aria-label="Hide early-first.mp4"]')
    await seeItPlay(frame)
    expect(await frame.evaluate(`document.querySelector('video').id`)).toBe('the-same')
    await page.waitForSelector('[aria-label="Qualities"] >> text=as uploaded')
    expect(complaints).toEqual([])
  })

  test('goes on after a pause, and a cancelled one is gone', async () => {
    const file = join(server.dataDir, 'large.mp4')
    await writeFile(file, Buffer.alloc(120_000_000))
    await using visitor = await browsing.visit()
    const { page } = visitor
    await signInByToken(page)
    // Slow enough to be met on its way.
    const throttle = await throttleUploads(visitor)
    await throttle(8_000_000)
    await page.setInputFiles('input[type=file]', file)
    await page.waitForSelector('text=/MB\\/s/')
    await page.click('[aria-label="Pause large.mp4"]')
    await page.waitForSelector('text=/^Paused/')
    await page.click('[aria-label="Resume large.mp4"]')
    await page.waitForSelector('[aria-label="Pause large.mp4"]')
    await page.click('[aria-label="Cancel large.mp4"]')
    await page.waitForSelector('text=Drop a video here')
    await throttle(-1)
    await expect
      .poll(() => callApi<{ meta: { name: string } }[]>(server, '/stream?search=large.mp4'))
      .toEqual([])
    expect(visitor.complaints).toEqual([])
  })
})

describe('the library', () => {
  test('finds by name, also by an address with the search in it', async () => {
    const names = ['harbour.mp4', 'garden.mp4']
    const source = await sample('h264-aac.mp4')
    const uids = await Promise.all(names.map((name) => uploadFile(server, source, { name })))
    await using visitor = await browsing.visit()
    const { page } = visitor
    await signInByToken(page)
    await page.waitForSelector('h3:has-text("harbour.mp4")')
    await page.fill('[aria-label="Search by name"]', 'GARD')
    await page.waitForSelector('h3:has-text("harbour.mp4")', { state: 'detached' })
    expect(page.url()).toBe(`${server.url}/?q=GARD`)
    await page.reload()
    await page.waitForSelector('h3:has-text("garden.mp4")')
    await page.fill('[aria-label="Search by name"]', 'nothing like it')
    await page.waitForSelector('text=Nothing is called')
    for (const { uid } of uids)
      await callApi(server, `/stream/${uid}`, { method: 'DELETE' }).catch(() => undefined)
  })

  test('shows a hostile name as it was written, on every page, and runs nothing of it', async () => {
    const name = `</script><script>window.ran = 1</script><img src=x onerror="window.ran = 1">'\``
    const { uid } = await uploadFile(server, await sample('h264-aac.mp4'), { name })
    await callApi(server, `/stream/${uid}`, { method: 'POST', body: { publicDetails: { title: name } } })
    await waitForVideo(server, uid, 'ready')
    await using visitor = await browsing.visit()
    const { page } = visitor
    await signInByToken(page)
    const shown = async (selector: string) => (await page.waitForSelector(selector)).textContent()
    expect(await shown('h3:has-text("window.ran")')).toBe(name)
    await page.goto(`${server.url}/videos/${uid}`)
    expect(await shown('h1:has-text("window.ran")')).toBe(name)
    await page.goto(`${server.url}/${uid}/watch`)
    expect(await shown('.title:has-text("window.ran")')).toBe(name)
    expect(await page.title()).toBe(name)
    expect(await page.evaluate('window.ran')).toBe(undefined)
    expect(visitor.complaints).toEqual([])
    await callApi(server, `/stream/${uid}`, { method: 'DELETE' }).catch(() => undefined)
  })

  test('says that a video is not there instead of showing an empty page', async () => {
    await using visitor = await browsing.visit()
    const { page } = visitor
    await signInByToken(page)
    await page.goto(`${server.url}/videos/${'0'.repeat(32)}`)
    await page.waitForSelector('text=There is nothing here')
  })
})
