/** Real browsers publish and play: live.md §9. */

import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConvert } from '../../src/core/live-conversion/index.ts'
import { silentLog } from '../../src/lib/log.ts'
import { openLiveDecoder } from '../harness/decoder.ts'
import { makeFilm } from '../live/live-film.ts'
import { type Browsing, startBrowsing, untilVideo } from './pages-browser.ts'
import { layUdpRelay } from '../live/udp-relay.ts'
import { startWebRtc, type WebRtcFixture } from './webrtc-fixture.ts'
import { throwGarbage } from '../live/udp-garbage.ts'
import {
  CAMERA_ARGS,
  comeAndGo,
  letAskKeyFrames,
  playInto,
  playOffered,
  publishCamera,
  received,
  sent,
} from './webrtc-pages.ts'

let fixture: WebRtcFixture
let browsing: Browsing

beforeAll(async () => {
  fixture = await startWebRtc()
  browsing = await startBrowsing(CAMERA_ARGS)
})
afterAll(async () => {
  await browsing.close()
  await fixture[Symbol.asyncDispose]()
})

describe('a page publishes, another one plays', () => {
  test.each(['H264', 'VP8'] as const)('picture in %s and sound arrive and go on', async (codec) => {
    const { publish, play, input } = await fixture.addInput()
    await using publisher = await browsing.visit()
    await publisher.page.goto(fixture.pageUrl)
    await publishCamera(publisher.page, publish, { codec })
    await expect.poll(() => fixture.door.heard.get(input.uid)?.units.length ?? 0).toBeGreaterThan(60)
    await using viewer = await browsing.visit()
    await viewer.page.goto(fixture.pageUrl)
    await playInto(viewer.page, play)
    await untilVideo(viewer.page, 'video.videoWidth === 320 && video.currentTime > 1')
    await expect.poll(async () => (await received(viewer.page)).video.framesDecoded).toBeGreaterThan(30)
    await expect.poll(async () => (await received(viewer.page)).audio.energy).toBeGreaterThan(0)
    expect((await received(viewer.page)).video).toMatchObject({ codec: `video/${codec}`, frameWidth: 320 })
  })
})

describe('late in a group of pictures', () => {
  test('whoever comes gets no sound of the past, which is converted for him: pictures would wait for it', async () => {
    const pastSeconds = 8
    const film = await makeFilm({ picture: 'avc', sound: 'aac', seconds: 30, gopSeconds: 30 })
    const folder = await mkdtemp(join(tmpdir(), 'webrtc-late-'))
    const decoder = await openLiveDecoder(folder)
    fixture.door.view = createConvert({
      decoder,
      clock: { monotonicMs: () => performance.now() },
      log: silentLog,
    })
    const { input, play } = await fixture.addInput()
    const publishing = fixture.door.open(input.uid)
    for (const format of film.formats) publishing.format(format)
    const begunMs = performance.now() - pastSeconds * 1_000
    let sent = 0
    const send = (): void => {
      for (const unit of film.units.slice(sent)) {
        if (unit.dts / 90 > performance.now() - begunMs) break
        publishing.unit(unit)
        sent += 1
      }
    }
    send()
    const timer = setInterval(send, 10)
    try {
      await using viewer = await browsing.visit()
      await viewer.page.goto(fixture.pageUrl)
      await playInto(viewer.page, play)
      const playingMs = performance.now()
      await expect.poll(async () => (await received(viewer.page)).audio.packets).toBeGreaterThan(150)
      const { packets } = (await received(viewer.page)).audio
      // Ten milliseconds each: at any time there is about as much sound as time has passed, and nothing of eight seconds before.
      const aheadMs = packets * 10 - (performance.now() - playingMs)
      expect(aheadMs).toBeLessThan((pastSeconds * 1_000) / 2)
      expect((await received(viewer.page)).video.framesDecoded).toBeGreaterThan(pastSeconds * 25)
    } finally {
      clearInterval(timer)
      publishing.end('clean')
      fixture.door.view = (feed) => feed
      await expect.poll(() => readdir(folder)).toEqual([])
      await rm(folder, { recursive: true })
    }
  })
})

describe('over a bad line', () => {
  test('with a tenth of all packets lost and 200 ms on the way it still plays, both ways', async () => {
    await using relay = await layUdpRelay(fixture.port, { delayMs: 200, seed: 7 })
    const { publish, play, input } = await fixture.addInput()
    await using publisher = await browsing.visit()
    await publisher.page.goto(fixture.pageUrl)
    await publishCamera(publisher.page, publish, { codec: 'H264', relayPort: relay.port })
    await expect.poll(() => fixture.door.heard.get(input.uid)?.units.length ?? 0).toBeGreaterThan(60)
    await using viewer = await browsing.visit()
    await viewer.page.goto(fixture.pageUrl)
    await playInto(viewer.page, play, { relayPort: relay.port })
    relay.setWeather({ delayMs: 200, loss: 0.1 })
    await untilVideo(viewer.page, 'video.videoWidth === 320')
    const { video, audio } = await received(viewer.page)
    await expect
      .poll(async () => (await received(viewer.page)).video.framesDecoded)
      .toBeGreaterThan(video.framesDecoded + 100)
    await expect.poll(async () => (await received(viewer.page)).audio.energy).toBeGreaterThan(audio.energy)
    expect(relay.counts.lost).toBeGreaterThan(20)
    // What was lost was had again, so pictures went on between key frames.
    const units = fixture.door.heard.get(input.uid)?.units.filter(({ kind }) => kind === 'video') ?? []
    expect(units.filter(({ isSync }) => !isSync).length).toBeGreaterThan(80)
    relay.setWeather({ loss: 1 })
    await expect.poll(() => fixture.door.heard.get(input.uid)?.ended).toBe('lost')
    await expect.poll(() => fixture.rtc.remembered()).toBe(0)
  })
})

describe('over a line that becomes narrow', () => {
  test('less is sent, the picture goes on, and more is sent when there is room again', async () => {
    await using relay = await layUdpRelay(fixture.port)
    const { publish, input } = await fixture.addInput()
    await using publisher = await browsing.visit()
    const { page } = publisher
    await page.goto(fixture.pageUrl)
    const size = { width: 640, height: 360 }
    await publishCamera(page, publish, { codec: 'VP8', ...size, relayPort: relay.port })
    await expect.poll(async () => (await sent(page)).availableBps).toBeGreaterThan(2_000_000)
    await expect.poll(async () => (await sent(page)).targetBps).toBeGreaterThan(400_000)
    // Less than the camera ever sends: its picture is simple, and may need far less than it might have.
    relay.setWeather({ rateBps: 150_000 })
    await expect
      .poll(async () => {
        const { availableBps, targetBps } = await sent(page)
        return { available: availableBps < 500_000, target: targetBps < 400_000, availableBps, targetBps }
      })
      .toMatchObject({ available: true, target: true })
    const pictures = () =>
      fixture.door.heard.get(input.uid)?.units.filter(({ kind }) => kind === 'video').length ?? 0
    const before = pictures()
    await expect.poll(pictures).toBeGreaterThan(before + 30)
    relay.setWeather({})
    let leastBps = Number.POSITIVE_INFINITY
    await expect
      .poll(async () => {
        const { availableBps } = await sent(page)
        // What is under way still tells of the narrow line.
        leastBps = Math.min(leastBps, availableBps)
        return availableBps / leastBps
      })
      .toBeGreaterThan(1.3)
  })
})

describe('beside a viewer whose line is too narrow', () => {
  test('another one sees every picture; the slow one goes on when there is room', async () => {
    await using relay = await layUdpRelay(fixture.port)
    const { publish, play, input } = await fixture.addInput()
    await using publisher = await browsing.visit()
    await publisher.page.goto(fixture.pageUrl)
    await publishCamera(publisher.page, publish, { codec: 'VP8' })
    await expect.poll(() => fixture.door.heard.get(input.uid)?.units.length ?? 0).toBeGreaterThan(30)
    await using quick = await browsing.visit()
    await using slow = await browsing.visit()
    await Promise.all([quick, slow].map(({ page }) => page.goto(fixture.pageUrl)))
    await playInto(quick.page, play)
    await playInto(slow.page, play, { relayPort: relay.port })
    await Promise.all([quick, slow].map(({ page }) => untilVideo(page, 'video.currentTime > 0.5')))
    relay.setWeather({ rateBps: 40_000 })
    const before = (await received(quick.page)).video
    const { lost } = relay.counts
    await expect
      .poll(async () => (await received(quick.page)).video.framesDecoded)
      .toBeGreaterThan(before.framesDecoded + 90)
    const after = (await received(quick.page)).video
    expect([after.lost, after.nacks]).toEqual([before.lost, before.nacks])
    expect(relay.counts.lost).toBeGreaterThan(lost + 30)
    relay.setWeather({})
    const stood = (await received(slow.page)).video.framesDecoded
    await expect.poll(async () => (await received(slow.page)).video.framesDecoded).toBeGreaterThan(stood + 30)
  })
})

describe('beside one publisher', () => {
  test('viewers come by our offer, fifty of them go, garbage is thrown, the picture grows: it goes on', async () => {
    const { publish, play, input } = await fixture.addInput()
    await using publisher = await browsing.visit()
    await publisher.page.goto(fixture.pageUrl)
    await publishCamera(publisher.page, publish, { codec: 'H264' })
    const heard = () => fixture.door.heard.get(input.uid)
    await expect.poll(() => heard()?.units.length ?? 0).toBeGreaterThan(30)
    const alone = fixture.rtc.remembered()
    await using viewer = await browsing.visit()
    await viewer.page.goto(fixture.pageUrl)
    for (let round = 0; round < 5; round += 1) await comeAndGo(viewer.page, play, 10)
    // What came before may have been remembered then, and be forgotten now.
    await expect.poll(() => fixture.rtc.remembered()).toBeLessThanOrEqual(alone)

    await playOffered(viewer.page, play)
    await untilVideo(viewer.page, 'video.videoWidth === 320')
    // What a viewer asks for reaches the publisher; unasked a key frame comes every two seconds.
    const before = heard()?.units.length ?? 0
    await letAskKeyFrames(viewer.page)
    await expect
      .poll(async () => {
        await viewer.page.evaluate('window.askKeyFrame()')
        const syncs = heard()?.units.slice(before) ?? []
        const times = syncs.flatMap(({ kind, isSync, pts }) => (kind === 'video' && isSync ? [pts] : []))
        return times.some((pts, index) => pts - (times[index - 1] ?? Number.NEGATIVE_INFINITY) < 1.5 * 90_000)
      })
      .toBe(true)
    // One who does nothing else gets some, not one each time.
    const from = heard()?.units.at(-1)?.dts ?? 0
    await expect
      .poll(async () => {
        await viewer.page.evaluate('window.askKeyFrame()')
        return (heard()?.units.at(-1)?.dts ?? 0) - from
      })
      .toBeGreaterThan(10 * 90_000)
    const since = heard()?.units.filter(({ kind, isSync, dts }) => kind === 'video' && isSync && dts > from)
    expect(since?.length).toBeGreaterThanOrEqual(4)
    expect(since?.length).toBeLessThanOrEqual(9)
    await throwGarbage(fixture.port)
    await publisher.page.evaluate(
      `window.publisher.stream.getVideoTracks()[0].applyConstraints({ width: 640, height: 360 })`,
    )
    await untilVideo(viewer.page, 'video.videoWidth === 640')
    const widths = heard()?.formats.flatMap((format) => (format.kind === 'video' ? [format.width] : []))
    expect([widths?.[0], widths?.at(-1)]).toEqual([320, 640])
    await publisher.page.evaluate('window.publisher.connection.close()')
    await expect.poll(() => heard()?.ended).toBeDefined()
    await expect.poll(() => fixture.rtc.remembered()).toBe(0)
  })
})
