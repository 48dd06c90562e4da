import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LiveFeed } from '../../src/core/broadcasts/live-feed.ts'
import { Conversions } from '../../src/core/live-conversion/index.ts'
import type { AcceptedCodecs } from '../../src/live-ports.ts'
import type { Log } from '../../src/lib/log.ts'
import { LIVE_TIMESCALE } from '../../src/media/live/units.ts'
import type { LiveDecoder, LiveRun, LiveTask } from '../../src/ports.ts'
import { openLiveDecoder } from '../harness/decoder.ts'
import { FLASH_SECONDS, makeFilm, tellFilm } from './live-film.ts'
import { Notes, readPictures, readSound } from './read-back.ts'

const PACKAGING: AcceptedCodecs = { video: ['avc'], audio: ['aac'] }
const WEBRTC: AcceptedCodecs = { video: ['avc', 'vp8'], audio: ['opus'] }
/** How far sound may be from where it was (spec/live.md: within 20 ms of the picture). */
const SYNC_SECONDS = 0.02
const FILM_SECONDS = 3

let folder: string
let real: LiveDecoder

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'conversions-'))
  real = await openLiveDecoder(folder)
})

afterAll(() => rm(folder, { recursive: true }))

describe('a broadcast converted for who takes other codecs', () => {
  test('VP8 and Opus become H.264 and AAC: every picture at its time, and the beep with the flash', async () => {
    const film = await makeFilm({ picture: 'vp8', sound: 'opus', seconds: FILM_SECONDS })
    const { feed, conversions, opened } = broadcast()
    const notes = new Notes()
    conversions.accepting(PACKAGING).listen(notes)
    tellFilm(feed, film)
    feed.end()
    await notes.ended
    expect(notes.of('video').format).toMatchObject({ codec: 'avc', width: 320, height: 180 })
    expect(notes.of('audio').format).toMatchObject({ codec: 'aac', sampleRate: 48_000, channels: 2 })
    const sent = film.units.filter(({ kind }) => kind === 'video').map(({ pts }) => pts)
    expect(notes.of('video').units.map(({ pts }) => pts)).toEqual(sent)
    // A key frame every two seconds, and nothing decoded in another order than shown.
    const keys = notes.of('video').units.filter(({ isSync }) => isSync)
    expect(keys.map(({ dts }) => dts / LIVE_TIMESCALE)).toEqual([0, 2])
    const picture = await readPictures(notes)
    const sound = await readSound(notes)
    expect(picture).toEqual({ flashSeconds: FLASH_SECONDS, count: FILM_SECONDS * 25 })
    expect(Math.abs(sound.beepSeconds - FLASH_SECONDS)).toBeLessThan(SYNC_SECONDS)
    expect(Math.abs(sound.seconds - FILM_SECONDS)).toBeLessThan(0.1)
    expect(opened).toHaveLength(2)
  })

  test('AAC becomes Opus at its times; the picture is passed on as it is', async () => {
    const film = await makeFilm({ picture: 'avc', sound: 'aac', seconds: 2 })
    const { feed, conversions } = broadcast()
    const notes = new Notes()
    conversions.accepting(WEBRTC).listen(notes)
    tellFilm(feed, film)
    feed.end()
    await notes.ended
    expect(notes.of('audio').format).toMatchObject({ codec: 'opus', channels: 2 })
    expect(Math.abs((await readSound(notes)).beepSeconds - FLASH_SECONDS)).toBeLessThan(SYNC_SECONDS)
    expect(notes.of('video').units).toEqual(film.units.filter(({ kind }) => kind === 'video'))
  })

  test('who takes what is published is told that, and nothing is started', async () => {
    const film = await makeFilm({ picture: 'avc', sound: 'aac', seconds: 1 })
    const { feed, conversions, opened } = broadcast()
    const notes = new Notes()
    const view = conversions.accepting(PACKAGING)
    view.listen(notes)
    tellFilm(feed, film)
    feed.end()
    await notes.ended
    expect(notes.units).toEqual(film.units)
    expect(opened).toEqual([])
  })

  test('one decoder serves all who want the same, and is gone when the last has left', async () => {
    const film = await makeFilm({ sound: 'opus', seconds: 2 })
    const { feed, conversions, opened, runs } = broadcast()
    tellFilm(feed, { formats: film.formats, units: [] })
    expect(opened).toEqual([])
    const listeners = [new Notes(), new Notes()]
    const leave = listeners.map((notes) => conversions.accepting(PACKAGING).listen(notes))
    expect(conversions.accepting(PACKAGING).audio).toMatchObject({ codec: 'aac' })
    tellFilm(feed, film)
    await expect.poll(() => listeners.every(({ units }) => units.length > 50)).toBe(true)
    expect(opened).toEqual(['a test to aac'])
    for (const each of leave) each()
    await Promise.all(runs.map(({ ended }) => ended))
    expect(feed.listeners).toBe(0)
    await expect.poll(() => readdir(folder)).toEqual([])
  })

  test('what lies between a publisher that went and one that came back is told once, and times go on', async () => {
    const film = await makeFilm({ sound: 'opus', seconds: 1 })
    const { feed, conversions, opened } = broadcast()
    const notes = new Notes()
    conversions.accepting(PACKAGING).listen(notes)
    tellFilm(feed, film)
    await expect.poll(() => notes.units.length).toBeGreaterThan(40)
    feed.gap()
    const before = notes.units.length
    tellFilm(feed, film, 10 * LIVE_TIMESCALE)
    feed.end()
    await notes.ended
    expect(notes.gaps).toEqual([before])
    const after = notes.units.slice(before)
    expect(Math.min(...after.map(({ dts }) => dts))).toBeGreaterThan(9.9 * LIVE_TIMESCALE)
    expect(after.length).toBeGreaterThan(45)
    expect(opened).toHaveLength(2)
  })

  test('a decoder that was killed comes back, and is told of; the picture goes on meanwhile', async () => {
    const film = await makeFilm({ picture: 'avc', sound: 'opus', seconds: 2 })
    let nowMs = 0
    const { feed, conversions, opened, warnings } = broadcast({ nowMs: () => nowMs })
    const notes = new Notes()
    conversions.accepting(PACKAGING).listen(notes)
    tellFilm(feed, film)
    await expect.poll(() => notes.of('audio').units.length).toBeGreaterThan(50)
    await killDecoders()
    await expect.poll(() => warnings).toEqual([expect.stringContaining('failed')])
    const second = 2 * LIVE_TIMESCALE
    tellFilm(feed, film, second)
    expect(opened).toHaveLength(1)
    expect(notes.of('video').units.at(-1)?.dts).toBeGreaterThan(second)
    nowMs += 1_000
    const sounds = notes.of('audio').units.length
    tellFilm(feed, film, 2 * second)
    await expect.poll(() => notes.of('audio').units.length).toBeGreaterThan(sounds + 50)
    expect(opened).toHaveLength(2)
    feed.end()
    await notes.ended
  })
})

/** Kills what sits in a folder of ours, as the system would when memory is short. */
async function killDecoders(): Promise<void> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const place = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    if (place.startsWith(join(folder, 'live-'))) process.kill(Number(pid), 'SIGKILL')
  }
}

/** A broadcast whose decoders are counted. */
function broadcast(options: { nowMs?: () => number } = {}) {
  const opened: string[] = []
  const runs: LiveRun[] = []
  const warnings: string[] = []
  const decoder: LiveDecoder = {
    build: real.build,
    open: async (task: LiveTask) => {
      opened.push(task.label)
      const run = await real.open(task)
      runs.push(run)
      return run
    },
  }
  const log: Log = { debug() {}, info() {}, warn: (_, sentence) => warnings.push(sentence), error() {} }
  const feed = new LiveFeed((error) => {
    throw error
  })
  const clock = { monotonicMs: options.nowMs ?? (() => performance.now()) }
  const conversions = new Conversions({ decoder, clock, log }, { label: 'a test', source: feed })
  return { feed, conversions, opened, runs, warnings }
}
