/** A live input from end to end: ffmpeg publishes over RTMP to the real program, and our pages show it in a real browser. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness/server.ts'
import { type Browsing, seeItPlay, startBrowsing, untilVideo, watch } from './pages-browser.ts'

let server: TestServer
let browsing: Browsing
const publishers = new Set<ChildProcess>()
/** Where the program says that a STUN server is. */
const stun = createSocket('udp4')
let stunQuestions = 0

beforeAll(async () => {
  // RFC 8489 §5: a request of the method Binding.
  stun.on('message', (bytes) => (stunQuestions += bytes.readUInt16BE(0) === 1 ? 1 : 0))
  stun.bind(0, '127.0.0.1')
  await once(stun, 'listening')
  server = await startServer({ env: { HEADWATER_ICE_SERVERS: `stun:127.0.0.1:${stun.address().port}` } })
  browsing = await startBrowsing()
})

afterAll(async () => {
  for (const each of publishers) each.kill('SIGKILL')
  await browsing?.close()
  await server?.stop()
  stun.close()
})

type Input = { readonly uid: string; readonly rtmp: { readonly url: string; readonly streamKey: string } }

async function addInput(fields: object): Promise<Input> {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream/live_inputs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.token}` },
    body: JSON.stringify(fields),
  })
  expect(response.status).toBe(200)
  return ((await response.json()) as { result: Input }).result
}

/** As an encoder for low delay: key frames each second, nothing reordered. */
function publish({ rtmp }: Input): ChildProcess {
  const args = `-v error -re -f lavfi -i testsrc2=size=320x180:rate=25 -re -f lavfi -i sine=frequency=440:sample_rate=48000
    -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 25 -b:v 300k -c:a aac -ac 2 -f flv`
  const address = `${rtmp.url.replace(/\/$/, '')}/${rtmp.streamKey}`
  const child = spawn('ffmpeg', [...args.split(/\s+/), address], { stdio: ['ignore', 'ignore', 'inherit'] })
  publishers.add(child)
  return child
}

async function stop(publisher: ChildProcess, signal: 'SIGKILL' | 'SIGINT'): Promise<void> {
  const gone = once(publisher, 'exit')
  publisher.kill(signal)
  await gone
  publishers.delete(publisher)
}

/** How far behind the broadcast the player says it is. */
async function readDelay(page: Page): Promise<number> {
  const title = await page.getAttribute('.live-badge', 'title')
  return Number(/^(\d+\.\d) s behind/.exec(title ?? '')?.[1] ?? Number.NaN)
}

test('an input is idle, live with low latency, away, live, over, and live again', async () => {
  const input = await addInput({
    preferLowLatency: true,
    recording: { mode: 'automatic', timeoutSeconds: 4 },
  })
  await using visitor = await browsing.visit()
  const { page } = visitor
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(`${server.url}/${input.uid}/watch`)
  await page.waitForSelector('text=Stream has not started yet')

  const first = publish(input)
  await seeItPlay(page)
  await page.waitForSelector('.live-badge[data-at="edge"]', { state: 'attached' })
  await expect.poll(() => asked.some((url) => url.includes('_HLS_part='))).toBe(true)
  await expect.poll(() => readDelay(page)).toBeLessThan(3)
  await page.waitForSelector('.viewers[aria-label="1 viewer"]', { state: 'attached' })

  await stop(first, 'SIGKILL')
  await page.waitForSelector('.live-note:has-text("The broadcaster is away.")')
  const second = publish(input)
  await page.waitForSelector('.live-note', { state: 'hidden' })
  await seeItPlay(page)
  expect(await page.isVisible('.notice')).toBe(false)

  await stop(second, 'SIGINT')
  await page.waitForSelector('text=The stream has ended')
  publish(input)
  await seeItPlay(page)
  expect(await page.isVisible('.notice')).toBe(false)
  expect(visitor.complaints).toEqual([])
})

test('the page of a broadcast becomes that of its recording', async () => {
  const input = await addInput({ recording: { mode: 'automatic', timeoutSeconds: 1 } })
  const publisher = publish(input)
  const lifecycle = async () =>
    (await (await fetch(`${server.url}/${input.uid}/lifecycle`)).json()) as { videoUID: string | null }
  await expect.poll(async () => (await lifecycle()).videoUID).not.toBeNull()
  const { videoUID } = await lifecycle()
  // It is named a moment before it is recorded.
  await expect.poll(async () => (await fetch(`${server.url}/${videoUID}/iframe`)).status).toBe(200)
  await using visitor = await browsing.visit()
  const { page } = visitor
  await page.goto(`${server.url}/${videoUID}/iframe?autoplay&muted&dvrEnabled`)
  await seeItPlay(page)
  // So long that its beginning is no longer its end.
  await untilVideo(page, 'video.seekable.length > 0 && video.seekable.end(0) > 8')
  await page.keyboard.press('0')
  await untilVideo(page, '!video.seeking && video.currentTime < 3')
  await page.waitForSelector('.live-badge[data-at="behind"]', { state: 'attached' })
  await page.focus('.live-badge')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.live-badge[data-at="edge"]', { state: 'attached' })
  await stop(publisher, 'SIGINT')
  await page.waitForSelector('text=The stream has ended')
  // It is there, and waits to be wanted.
  await page.waitForSelector('.notice', { state: 'hidden' })
  expect((await watch(page)).paused).toBe(true)
  await page.keyboard.press('k')
  await seeItPlay(page)
  expect(Number.isFinite((await watch(page)).duration)).toBe(true)
  expect(visitor.complaints).toEqual([])
})

test('what is not recorded plays in real time, goes on after a break, and ends', async () => {
  const input = await addInput({ recording: { mode: 'off', timeoutSeconds: 8 } })
  await using visitor = await browsing.visit()
  const { page } = visitor
  await page.goto(`${server.url}/${input.uid}/iframe`)
  await page.waitForSelector('text=Stream has not started yet')
  const first = publish(input)
  await seeItPlay(page)
  expect(await page.isVisible('.notice')).toBe(false)
  expect((await watch(page)).duration).toBe(Number.POSITIVE_INFINITY)
  await page.keyboard.press('Shift+D')
  await page.waitForSelector('.debug tr:has-text("engine"):has-text("WebRTC")')
  // The servers that the answer names are asked, as behind a firewall they would have to be.
  await expect.poll(() => stunQuestions).toBeGreaterThan(0)
  await stop(first, 'SIGKILL')
  await page.waitForSelector('.live-note:has-text("The broadcaster is away.")')
  const second = publish(input)
  await page.waitForSelector('.live-note', { state: 'hidden' })
  await seeItPlay(page)
  await stop(second, 'SIGINT')
  await page.waitForSelector('text=The stream has ended')
  expect(visitor.complaints).toEqual([])
})
