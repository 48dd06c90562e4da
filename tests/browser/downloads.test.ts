/** A real browser plays files to download while they come, and jumps in them. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { sample } from '../harness/samples.ts'
import { callApi, startServer, type TestServer, uploadFile, waitForVideo } from '../harness/server.ts'
import { type Browsing, seeItPlay, startBrowsing, tellVideo, untilVideo, watch } from './pages-browser.ts'

const SECONDS = 10

let server: TestServer
let browsing: Browsing
let uid: string

beforeAll(async () => {
  server = await startServer()
  browsing = await startBrowsing()
  uid = (await uploadFile(server, await sample('h264-aac.mp4'))).uid
  await waitForVideo(server, uid, 'ready')
  for (const type of ['default', 'audio']) {
    await callApi(server, `/stream/${uid}/downloads/${type}`, { method: 'POST' })
  }
  for (let ready = 0; ready < 2; ) {
    const files = await callApi<Record<string, { status: string }>>(server, `/stream/${uid}/downloads`)
    ready = Object.values(files).filter(({ status }) => status === 'ready').length
  }
})

afterAll(async () => {
  await browsing?.close()
  await server?.stop()
})

test('the film, from its start to its end', async () => {
  await using visitor = await browsing.visit()
  const { page, complaints } = visitor
  await page.setContent(`<video autoplay src="${server.url}/${uid}/downloads/default.mp4"></video>`)
  await seeItPlay(page)
  const { duration, width, height } = await watch(page)
  expect([width, height]).toEqual([640, 360])
  expect(duration).toBeCloseTo(SECONDS, 2)
  await tellVideo(page, `video.currentTime = ${SECONDS - 2}`)
  await untilVideo(page, 'video.ended')
  expect(complaints).toEqual([])
})

test('the sound', async () => {
  await using visitor = await browsing.visit()
  const { page, complaints } = visitor
  await page.setContent(`<video autoplay src="${server.url}/${uid}/downloads/audio.m4a"></video>`)
  await untilVideo(page, `Math.abs(video.duration - ${SECONDS}) < 0.01 && video.currentTime > 0.5`)
  await tellVideo(page, `video.currentTime = ${SECONDS - 1}`)
  await untilVideo(page, 'video.ended')
  expect(complaints).toEqual([])
})
