/**
 * Players of others watch a broadcast while it runs: pictures are read back from the screen, and none is missing. The first
 * twenty seconds of it are sent at once, as if the viewer had come later; from then on it runs in real time.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LiveBroadcast, type LiveServer, startLiveServer } from '../live/live-server.ts'
import { type LiveFilm, readFilm } from '../live/live-units.ts'
import { type BenchPage, openBenchPage } from './players/bench-page.ts'
import { makeNumberedSource } from './players/numbered-source.ts'

const FPS = 25
const BEFORE_SECONDS = 20
const WATCHED_FRAMES = 60
const FILM_SECONDS = 60

let folder: string
let server: LiveServer
let film: LiveFilm
let bench: BenchPage
let broadcast: LiveBroadcast
let stopSending: () => void

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headwater-live-'))
  const file = join(folder, 'film.mp4')
  await makeNumberedSource({
    file,
    seconds: FILM_SECONDS,
    rate: String(FPS),
    size: '320x180',
    x264: ['-preset', 'ultrafast', '-bf', '2', '-sc_threshold', '0', '-g', '25'],
  })
  film = await readFilm(file)
  server = await startLiveServer()
  bench = await openBenchPage(file)
  broadcast = await server.begin(server.addInput(), { agoSeconds: BEFORE_SECONDS })
  stopSending = sendInTime(broadcast)
})

afterAll(async () => {
  stopSending()
  await bench.close()
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

/** Sends what is due, again and again. Answers how to stop. */
function sendInTime({ package: pack }: LiveBroadcast): () => void {
  for (const format of [film.video, film.audio]) if (format !== null) pack.format(format)
  const begun = performance.now() - BEFORE_SECONDS * 1_000
  let next = 0
  const send = () => {
    const due = ((performance.now() - begun) / 1_000) * 90_000
    for (let unit = film.units[next]; unit !== undefined && unit.dts <= due; unit = film.units[next]) {
      pack.unit(unit)
      next += 1
    }
  }
  send()
  const timer = setInterval(send, 10)
  return () => clearInterval(timer)
}

type Watched = {
  readonly numbers: readonly number[]
  readonly errors: readonly string[]
  readonly parts: number
  /** Playlists that were fetched without what was there before. */
  readonly updates: number
}

/** In the page: opens a player, reads numbers until there are enough, and closes it. */
const WATCH = `async ({ player, url, lowLatency, frames }) => {
  const errors = []
  let parts = 0
  let close
  if (player === 'hls') {
    const hls = new Hls({ lowLatencyMode: lowLatency })
    hls.on(Hls.Events.ERROR, (_, data) => data.fatal && errors.push(data.details))
    hls.on(Hls.Events.FRAG_LOADED, (_, { part }) => { if (part) parts += 1 })
    hls.loadSource(url)
    hls.attachMedia(video)
    close = () => hls.destroy()
  } else if (player === 'shaka') {
    shaka.polyfill.installAll()
    const it = new shaka.Player()
    await it.attach(video)
    it.addEventListener('error', (event) => errors.push('shaka ' + event.detail.code))
    await it.load(url)
    close = () => it.destroy()
  } else {
    const it = dashjs.MediaPlayer().create()
    it.updateSettings({ debug: { logLevel: 0 } })
    it.on('error', (event) => errors.push('dash.js ' + (event.error?.code ?? event.error)))
    it.initialize(video, url, true)
    close = () => it.destroy()
  }
  video.muted = true
  const numbers = []
  const until = performance.now() + 40000
  await new Promise((resolve) => {
    const onFrame = () => {
      const { number } = readPicture()
      numbers.push(number)
      if (numbers.length >= frames) resolve()
      else video.requestVideoFrameCallback(onFrame)
    }
    video.requestVideoFrameCallback(onFrame)
    video.play().catch(() => {})
    const timer = setInterval(() => {
      if (numbers.length < frames && performance.now() < until && errors.length === 0) return
      clearInterval(timer)
      resolve()
    }, 100)
  })
  await close()
  const updates = performance.getEntriesByType('resource').filter(({ name }) => name.includes('_HLS_skip')).length
  return { numbers, errors, parts, updates }
}`

test.each([
  { player: 'hls', manifest: 'video.m3u8?protocol=llhls', lowLatency: true },
  { player: 'hls', manifest: 'video.m3u8', lowLatency: false },
  { player: 'hls', manifest: 'video.m3u8?dvrEnabled=true', lowLatency: false },
  { player: 'shaka', manifest: 'video.m3u8?dvrEnabled=true', lowLatency: false },
  { player: 'shaka', manifest: 'video.mpd', lowLatency: false },
  { player: 'shaka', manifest: 'video.m3u8', lowLatency: false },
  { player: 'dash', manifest: 'video.mpd', lowLatency: false },
])('$player watches $manifest', async ({ player, manifest, lowLatency }) => {
  await bench.reload()
  const url = `${server.url}/${broadcast.inputUid}/manifest/${manifest}`
  const options = { player, url, lowLatency, frames: WATCHED_FRAMES }
  const watched: Watched = await bench.page.evaluate(`(${WATCH})(${JSON.stringify(options)})`)
  expect(watched.errors).toEqual([])
  expect(watched.numbers).toHaveLength(WATCHED_FRAMES)
  // A busy browser leaves pictures out; it never shows one twice or an older one, and what it shows is the end.
  expect(watched.numbers.toSorted((a, b) => a - b)).toEqual(watched.numbers)
  expect(watched.numbers[0]).toBeGreaterThan(5 * FPS)
  expect(watched.parts > 0).toBe(lowLatency)
  if (manifest.includes('dvrEnabled')) expect(watched.updates).toBeGreaterThan(0)
})

test('hls plays an instant clip from its first segment to its last, and ends', async () => {
  await bench.reload()
  const url = `${server.url}/${broadcast.videoUid}/manifest/clip.m3u8?time=5s&duration=3s`
  const { errors, frames, ended, duration } = await bench.playThrough({
    player: 'hls',
    url,
    switching: false,
  })
  expect([errors, ended]).toEqual([[], true])
  const numbers = frames.map(([, number]) => number)
  expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers)
  // Whole segments of a second: those that the stretch touches, and no others.
  const [first = 0, last = 0] = [numbers[0], numbers.at(-1)]
  expect(first).toBeGreaterThan(4 * FPS - 3)
  expect(first).toBeLessThanOrEqual(5 * FPS)
  expect(last).toBeGreaterThanOrEqual(8 * FPS - 3)
  expect(last).toBeLessThan(9 * FPS)
  expect(Math.round(duration * FPS)).toBe(FPS * Math.round(duration))
})
