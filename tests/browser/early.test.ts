/** A real browser plays videos whose upload is still running, and goes on when it ends. */

import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inFragments, indexFirst } from '../harness/early-samples.ts'
import { startServer, type TestServer, waitForVideo } from '../harness/server.ts'
import { startSlowUpload } from '../harness/slow-upload.ts'
import { type Browsing, seeItPlay, startBrowsing, tellVideo, untilVideo, watch } from './pages-browser.ts'

const SECONDS = 40

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

test('an index that comes first: all of its length, and a jump ahead waits for its bytes', async () => {
  const bytes = new Uint8Array(await readFile(await indexFirst()))
  const upload = await startSlowUpload(server, bytes)
  await upload.sendTo(Math.round(bytes.byteLength / 2))
  await using visitor = await browsing.visit()
  const { page, complaints } = visitor
  await page.goto(`${server.url}/${upload.uid}/watch?autoplay=true`)
  await seeItPlay(page)
  await page.waitForSelector('text=Still uploading')
  expect((await watch(page)).duration).toBeCloseTo(SECONDS, 0)

  await tellVideo(page, `video.currentTime = ${SECONDS - 6}`)
  await untilVideo(page, 'video.seeking')
  expect(await upload.finish()).toBe(204)
  await untilVideo(page, `!video.seeking && video.currentTime > ${SECONDS - 6}`)
  await seeItPlay(page)
  await waitForVideo(server, upload.uid, 'ready')
  await page.waitForSelector('text=Still uploading', { state: 'hidden' })
  expect(complaints).toEqual([])
})

test('fragments: from the start while they come, to the end of the whole', async () => {
  const bytes = new Uint8Array(await readFile(await inFragments()))
  const upload = await startSlowUpload(server, bytes)
  await upload.sendTo(Math.round(bytes.byteLength / 2))
  await using visitor = await browsing.visit()
  const { page, complaints } = visitor
  await page.goto(`${server.url}/${upload.uid}/watch?autoplay=true`)
  await seeItPlay(page)
  const { currentTime, duration } = await watch(page)
  // Not from near the end, as players begin what they take for a broadcast.
  expect(currentTime).toBeLessThan(5)
  expect(duration).not.toBeCloseTo(SECONDS, 0)

  expect(await upload.finish()).toBe(204)
  await waitForVideo(server, upload.uid, 'ready')
  await untilVideo(page, `Math.abs(video.duration - ${SECONDS}) < 0.5`)
  await tellVideo(page, `video.currentTime = ${SECONDS - 2}`)
  await untilVideo(page, 'video.ended')
  expect(complaints).toEqual([])
})
