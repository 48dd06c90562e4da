/** Clips frame by frame: which pictures of the source they show, when, and what of them was not made again. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { edgeSegments } from '../../src/core/planning/index.ts'
import { type Engine, startEngine } from './engine.ts'
import { addSource, clip } from './make-clip.ts'
import { makeNumbered, type NumberedFilm, readBeeps, readNumbers, words, X264 } from './numbered-film.ts'
import { pictureHashes, probe, shownTimes, writeRendition } from './rendition.ts'

let engine: Engine
beforeAll(async () => {
  engine = await startEngine()
})
afterAll(() => engine.close())

/** What a source shows from `start` to `end`: numbers of pictures, and seconds from the start. */
function shownBetween(pictures: readonly { number: number; seconds: number }[], start: number, end: number) {
  const first = pictures.findLastIndex(({ seconds }) => seconds <= start + 1e-9)
  const shown = pictures.slice(first).filter(({ seconds }) => seconds < end - 1e-9)
  const began = shown[0]?.seconds ?? 0
  const zero = start - began <= 0.1 ? began : start
  return {
    numbers: shown.map(({ number }) => number),
    times: shown.map(({ seconds }) => Math.max(0, seconds - zero)),
    zero,
  }
}

const CASES: readonly (NumberedFilm & { name: string; passthrough: boolean; range: [number, number] })[] = [
  {
    name: 'H.264 with B-frames and AAC, passed through',
    passthrough: true,
    rate: '25',
    seconds: 14,
    coding: [...X264, ...words('-preset veryfast -bf 2 -g 60 -sc_threshold 0')],
    range: [1, 12],
  },
  {
    name: 'a rate of 29.97, passed through',
    passthrough: true,
    rate: '30000/1001',
    seconds: 12,
    coding: [...X264, ...words('-preset veryfast -bf 3 -g 50')],
    range: [1, 11],
  },
  {
    name: 'a variable rate, passed through',
    passthrough: true,
    rate: '30',
    seconds: 10,
    select: String.raw`select='gt(mod(n\,5)\,0)*gt(mod(n\,17)\,1)*not(between(n\,50\,80))'`,
    coding: [...X264, ...words('-bf 2 -g 30 -sc_threshold 0')],
    range: [2, 9],
  },
  {
    name: 'key frames of open groups and no sound, passed through where groups are closed',
    silent: true,
    passthrough: true,
    rate: '25',
    seconds: 11,
    coding: [
      ...X264,
      ...words('-x264-params bframes=3:b-adapt=0:open-gop=1:keyint=25:min-keyint=25:scenecut=0'),
      ...words('-force_key_frames 0,4,8 -forced-idr 1'),
    ],
    range: [0, 10],
  },
  {
    name: 'one key frame, encoded by the index',
    passthrough: false,
    rate: '25',
    seconds: 14,
    coding: [...X264, ...words('-g 9999 -sc_threshold 0')],
    range: [3, 13],
  },
  {
    name: 'VP8 in WebM, which only the decoder reads',
    passthrough: false,
    rate: '30000/1001',
    seconds: 12,
    coding: words('-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M -g 40'),
    silent: true,
    ending: 'webm',
    range: [1, 11],
  },
]

describe.each(CASES)('$name', (source) => {
  const [start, end] = source.range
  let uid: string
  let clipped: Awaited<ReturnType<typeof clip>>
  let pictures: { number: number; seconds: number }[]
  /** A rendition of the source, and the one of the clip that continues it. */
  let whole: string
  let part: string

  beforeAll(async () => {
    const file = await makeNumbered(engine.folder, source.name.replaceAll(/\W+/g, '-'), source)
    uid = await addSource(engine, file)
    const { plan } = await engine.plan(uid)
    const name = plan.video.at(-1)?.name ?? ''
    whole = await writeRendition(engine, uid, name)
    const times = shownTimes(await probe(whole))
    pictures = (await readNumbers(whole)).map((number, index) => ({ number, seconds: times[index] ?? 0 }))
    clipped = await clip(engine, uid, [start, end])
    part = await writeRendition(engine, clipped.uid, name)
  })

  test('shows exactly the pictures between its seconds, each at its time', async () => {
    const { plan } = await engine.plan(uid)
    expect(plan.video.some(({ made }) => made === 'passthrough')).toBe(source.passthrough)
    const expected = shownBetween(pictures, start, end)
    expect(expected.numbers.length).toBeGreaterThan(100)
    expect(await readNumbers(part)).toEqual(expected.numbers)
    const times = shownTimes(await probe(part))
    for (const [index, time] of times.entries()) expect(time).toBeCloseTo(expected.times[index] ?? -1, 3)
    const { durationSeconds, state, pctComplete } = await engine.video(clipped.uid)
    expect([state, pctComplete]).toEqual(['ready', 100])
    expect(durationSeconds).toBeGreaterThanOrEqual(end - start - 0.001)
    expect(durationSeconds).toBeLessThan(end - start + 0.2)
  })

  test('takes whole segments as they are', async () => {
    const before = await pictureHashes(whole)
    const after = await pictureHashes(part)
    const { plan } = await engine.plan(clipped.uid)
    const first = pictures.findIndex(({ number }) => number === shownBetween(pictures, start, end).numbers[0])
    const times = shownTimes(await probe(part))
    const edges = source.passthrough ? edgeSegments(plan) : [0, plan.cuts.length - 2]
    let compared = 0
    for (const [index, hash] of after.entries()) {
      const seconds = (times[index] ?? 0) + 0.0005
      const segment = plan.cuts.findLastIndex((cut) => cut / plan.timescale <= seconds)
      if (edges.includes(segment)) continue
      expect(hash).toBe(before[first + index])
      compared += 1
    }
    expect(compared).toBeGreaterThan(50)
    // One job each for the first and the last of pictures and sound, at most.
    expect(clipped.jobs.length).toBeLessThanOrEqual(4)
  })

  if (source.silent !== true) {
    test('sounds as the source does at that time, to a frame of AAC', async () => {
      const beeps = await readBeeps(await writeRendition(engine, clipped.uid, 'audio'))
      const { zero } = shownBetween(pictures, start, end)
      // The first beep may be cut off by the very start.
      const expected = Array.from({ length: end - start - 1 }, (_, index) => start + 1 + index - zero)
      for (const [index, seconds] of beeps.filter((beep) => beep > 0.5).entries()) {
        if (index < expected.length)
          expect(Math.abs(seconds - (expected[index] ?? 0))).toBeLessThan(1024 / 48_000)
      }
      expect(beeps.length).toBeGreaterThanOrEqual(expected.length)
    })
  }
})
