/**
 * Clips frame by frame: which pictures of the source they show, when, and what of them was not made again.
 *
 * Long because every kind of source goes through the same few lines, and each clip is held against the same sources.
 */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClip } from '../../src/core/clips/index.ts'
import { deleteVideo, sweepLeftovers } from '../../src/core/videos/index.ts'
import { WatermarkMaker } from '../../src/core/watermarks/index.ts'
import { listCalls, putMainSubscription } from '../../src/core/webhooks/index.ts'
import { makePng } from '../harness/png.ts'
import { chooseSound } from '../../src/core/encoding/index.ts'
import { edgeSegments } from '../../src/core/planning/index.ts'
import { BAR_BITS, barFilters } from '../browser/players/numbered-source.ts'
import { ACCOUNT, type Engine, startEngine } from './engine.ts'
import { pictureHashes, probe, shownTimes, writeRendition } from './rendition.ts'

const run = promisify(execFile)
const words = (line: string): string[] => line.split(' ')

let engine: Engine
beforeAll(async () => {
  engine = await startEngine()
})
afterAll(() => engine.close())

type Source = {
  readonly rate: string
  readonly seconds: number
  /** Encoder of the pictures, and the muxer's options. */
  readonly coding: readonly string[]
  /** Filter that leaves pictures out; their numbers stay. */
  readonly select?: string
  readonly silent?: boolean
  readonly ending?: string
}

const X264 = words('-c:v libx264 -preset ultrafast -crf 20 -pix_fmt yuv420p')

/** Every picture shows its number, and every second begins with a beep. */
async function makeNumbered(name: string, source: Source): Promise<string> {
  const file = join(engine.folder, `${name}.${source.ending ?? 'mp4'}`)
  await run('ffmpeg', [
    ...words(`-v error -y -f lavfi -i testsrc2=s=192x108:r=${source.rate}:d=${source.seconds}`),
    ...(source.silent
      ? []
      : [
          ...words('-f lavfi -i'),
          `aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(2*PI*1000*t),0)':s=48000:c=stereo:d=${source.seconds}`,
        ]),
    '-vf',
    [...barFilters(), ...(source.select ? [source.select] : [])].join(','),
    ...words('-fps_mode passthrough'),
    ...source.coding,
    ...words('-c:a aac -b:a 96k'),
    file,
  ])
  return file
}

/** The numbers on the pictures of a file, in the order in which they are shown. */
async function readNumbers(file: string): Promise<number[]> {
  const { stdout } = await run(
    'ffmpeg',
    [
      ...words(`-v error -i ${file} -map 0:v:0 -vf crop=iw:ih/16:0:ih/32,scale=${BAR_BITS}:1:flags=area`),
      ...words('-fps_mode passthrough -pix_fmt gray -f rawvideo -'),
    ],
    { encoding: 'buffer', maxBuffer: 1e8 },
  )
  const numbers: number[] = []
  for (let first = 0; first < stdout.length; first += BAR_BITS) {
    let number = 0
    for (let bit = 0; bit < BAR_BITS; bit += 1) if ((stdout[first + bit] ?? 0) > 128) number += 2 ** bit
    numbers.push(number)
  }
  return numbers
}

/** When the beeps of a file begin, seconds. */
async function readBeeps(file: string): Promise<number[]> {
  const { stdout } = await run('ffmpeg', words(`-v error -i ${file} -ac 1 -ar 48000 -f s16le -`), {
    encoding: 'buffer',
    maxBuffer: 1e8,
  })
  const samples = new Int16Array(stdout.buffer, stdout.byteOffset, stdout.length >> 1)
  const beeps: number[] = []
  for (let at = 0; at < samples.length; at += 1) {
    if (Math.abs(samples[at] ?? 0) < 4_000) continue
    beeps.push(at / 48_000)
    at += 24_000
  }
  return beeps
}

async function addSource(file: string, encodeJobs = Number.POSITIVE_INFINITY): Promise<string> {
  const uid = await engine.addSource(file)
  await engine.ingest(uid)
  await engine.encode(encodeJobs)
  return uid
}

/** Cuts a clip and makes all of it; answers its uid and the encode jobs that it took. */
async function clip(sourceUid: string, startSeconds: number, endSeconds: number, watermark?: string) {
  const { uid } = await createClip(engine, {
    accountId: ACCOUNT,
    sourceUid,
    startSeconds,
    endSeconds,
    fields: {},
    ...(watermark === undefined ? {} : { watermark }),
  })
  const job = await engine.claim('clip')
  if (job?.videoUid !== uid) throw new Error('the wrong clip job was claimed')
  await engine.run(job)
  const jobs = await engine.encode()
  return { uid, jobs }
}

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

const CASES: readonly (Source & { name: string; passthrough: boolean; range: [number, number] })[] = [
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
    const file = await makeNumbered(source.name.replaceAll(/\W+/g, '-'), source)
    uid = await addSource(file)
    const { plan } = await engine.plan(uid)
    const name = plan.video.at(-1)?.name ?? ''
    whole = await writeRendition(engine, uid, name)
    const times = shownTimes(await probe(whole))
    pictures = (await readNumbers(whole)).map((number, index) => ({ number, seconds: times[index] ?? 0 }))
    clipped = await clip(uid, start, end)
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

/** Whether the middle of each picture is red. */
async function readMiddles(file: string): Promise<boolean[]> {
  const { stdout } = await run(
    'ffmpeg',
    words(
      `-v error -i ${file} -vf crop=8:8:(iw-8)/2:(ih-8)/2,scale=1:1:flags=area -fps_mode passthrough -pix_fmt rgb24 -f rawvideo -`,
    ),
    { encoding: 'buffer', maxBuffer: 1e8 },
  )
  const isRed = (at: number) => (stdout[at] ?? 0) > 200 && (stdout[at + 1] ?? 255) < 60
  return Array.from({ length: stdout.length / 3 }, (_, index) => isRed(index * 3))
}

let plain: Promise<string> | undefined
/** Eleven seconds that are passed through. */
function plainFile(): Promise<string> {
  const coding = [...X264, ...words('-bf 2 -g 50 -sc_threshold 0')]
  plain ??= makeNumbered('plain', { rate: '25', seconds: 11, coding })
  return plain
}

test('a watermark of its own is in every picture, and stays in the clips of that clip', async () => {
  const source = await addSource(await plainFile())
  const mark = await new WatermarkMaker(engine).create({
    accountId: ACCOUNT,
    placement: { position: 'center', scale: 0.5 },
    image: makePng(40, 20, () => [255, 0, 0, 255]),
    signal: new AbortController().signal,
  })
  const marked = await clip(source, 1, 10, mark.uid)
  const { plan } = await engine.plan(marked.uid)
  expect(plan.video.map(({ made }) => made)).not.toContain('passthrough')
  expect((await engine.video(marked.uid)).watermark?.uid).toBe(mark.uid)
  const inner = await clip(marked.uid, 1, 8)
  expect((await engine.video(inner.uid)).watermark?.uid).toBe(mark.uid)
  expect(inner.jobs.length).toBeLessThanOrEqual(4)
  for (const [uid, first, count] of [
    [marked.uid, 25, 225],
    [inner.uid, 50, 175],
  ] as const) {
    const rendition = await writeRendition(engine, uid, plan.video.at(-1)?.name ?? '')
    expect(await readNumbers(rendition)).toEqual(Array.from({ length: count }, (_, index) => first + index))
    expect(await readMiddles(rendition)).toEqual(Array.from({ length: count }, () => true))
  }
})

test('another ffmpeg than the one that made the source makes the edges beside its segments', async () => {
  const file = await makeNumbered('builds', {
    rate: '25',
    seconds: 14,
    silent: true,
    coding: [...X264, ...words('-g 9999 -sc_threshold 0')],
  })
  const source = await addSource(file)
  const { plan } = await engine.plan(source)
  await engine.db
    .updateTable('plans')
    .set({ plan: JSON.stringify({ ...plan, decoder: 'an older one' }) })
    .where('video_uid', '=', source)
    .execute()
  const outer = await clip(source, 1, 13)
  const inner = await clip(outer.uid, 1, 10)
  for (const [uid, first, count] of [
    [outer.uid, 25, 300],
    [inner.uid, 50, 225],
  ] as const) {
    const made = await engine.plan(uid)
    expect(made.plan.video.every(({ joined }) => joined !== undefined)).toBe(true)
    const rendition = await writeRendition(engine, uid, made.plan.video.at(-1)?.name ?? '')
    expect(await readNumbers(rendition)).toEqual(Array.from({ length: count }, (_, index) => first + index))
  }
})

test('what hears a clip, like the speech engine, hears its part of the source', async () => {
  const { uid } = await clip(await addSource(await plainFile()), 3, 9)
  const { plan, mediaBlob, indexBlob } = await engine.plan(uid)
  const index = indexBlob === null ? null : await engine.indexes.open(indexBlob, plan)
  const sound = chooseSound(engine.blobs, plan, mediaBlob, index, { start: 0, end: 6 })
  if (sound === null) throw new Error('the clip has no sound')
  const graph = `asettb=1/1000000,asetpts=PTS-(${sound.originUs}),aresample=48000:async=1:first_pts=0,atrim=end=6`
  const heard = await engine.decoder.run(
    {
      label: 'sound of a clip',
      input: sound.input,
      args: words(
        `-copyts -f ${sound.demuxer} -i {input} -map 0:a:${sound.stream} -af ${graph} -f wav heard.wav`,
      ),
      outputs: ['heard.wav'],
      limits: { wallMs: 60_000, cpuSeconds: 60, outputBytes: 1e7, memoryBytes: 3 * 1024 ** 3 },
      nice: 0,
    },
    { signal: new AbortController().signal },
  )
  const file = heard.files.get('heard.wav')
  const bytes = new Uint8Array(file?.sizeBytes ?? 0)
  await file?.read(bytes, 0)
  await heard.release()
  const path = join(engine.folder, 'heard.wav')
  await writeFile(path, bytes)
  const beeps = (await readBeeps(path)).filter((beep) => beep > 0.5)
  expect(beeps.map(Math.round)).toEqual([1, 2, 3, 4, 5])
  for (const beep of beeps) expect(Math.abs(beep - Math.round(beep))).toBeLessThan(1024 / 48_000)
})

test.each([
  ['storage_exhausted', { storageMinutes: 0.01 }],
  ['too_many_videos', { videosInWork: 0 }],
])('is refused like an upload: %s', async (code, limits) => {
  const { uid } = await clip(await addSource(await plainFile(), 0), 0, 4)
  const request = { accountId: ACCOUNT, sourceUid: uid, startSeconds: 0, endSeconds: 4, fields: {} }
  const deps = { ...engine, limits: { ...engine.limits, ...limits } }
  await expect(createClip(deps, request)).rejects.toMatchObject({ code })
})

test('a source that is deleted before it is cut fails the clip in words, and owes a webhook call', async () => {
  const source = await addSource(await plainFile(), 1)
  const url = 'https://hooks.example.com/'
  const baseUrl = 'https://video.example.com'
  await putMainSubscription(engine, { accountId: ACCOUNT, url, field: 'notificationUrl', baseUrl })
  const { uid } = await createClip(engine, {
    accountId: ACCOUNT,
    sourceUid: source,
    startSeconds: 1,
    endSeconds: 3,
    fields: {},
  })
  await deleteVideo(engine, ACCOUNT, source)
  const job = await engine.claim('clip')
  if (job === undefined) throw new Error('there is no clip job')
  await engine.run(job)
  const { state, error } = await engine.video(uid)
  expect([state, error?.reasonCode]).toEqual(['error', 'ERR_UNKNOWN'])
  expect(error?.reasonText).toContain('was deleted')
  const calls = await listCalls(engine.db, { accountId: ACCOUNT, limit: 100 })
  expect(calls.filter(({ videoUid }) => videoUid === uid)).toMatchObject([
    { event: 'error', state: 'pending' },
  ])
})

describe('a crash', () => {
  const blobNames = async () => {
    const names: string[] = []
    for await (const { name } of engine.blobs.list('')) names.push(name)
    return names
  }

  test('between the rows and the blobs of a deletion leaves what the sweep removes, but nothing of a clip', async () => {
    const before = new Set(await blobNames())
    const source = await addSource(await plainFile())
    const made = await clip(source, 1, 10)
    const shown = await pictureHashes(await writeRendition(engine, made.uid, '108p'))
    const stopped = { ...engine, blobs: undeletable() }
    await expect(deleteVideo(stopped, ACCOUNT, source)).rejects.toThrow('power')
    await sweepLeftovers(engine, { graceMs: -60_000 })
    expect(await pictureHashes(await writeRendition(engine, made.uid, '108p'))).toEqual(shown)
    await expect(deleteVideo(stopped, ACCOUNT, made.uid)).rejects.toThrow('power')
    await sweepLeftovers(engine, { graceMs: -60_000 })
    expect((await blobNames()).filter((name) => !before.has(name))).toEqual([])
  })

  /** The engine's blobs, of which none can be deleted. */
  function undeletable(): Engine['blobs'] {
    return new Proxy(engine.blobs, {
      get: (blobs, name) => {
        if (name === 'delete') return () => Promise.reject(new Error('the power is gone'))
        const value: unknown = Reflect.get(blobs, name)
        return typeof value === 'function' ? (value.bind(blobs) as unknown) : value
      },
    })
  }
})
