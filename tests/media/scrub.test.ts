/** Scrubs over the media engine: what is damaged of each kind, what is made again of it, and that it plays as before. */

import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addTrackFromVideo, getTrack } from '../../src/core/audio-tracks/index.ts'
import { createClip } from '../../src/core/clips/index.ts'
import { createDownload } from '../../src/core/downloads/index.ts'
import { Scrub, type ScrubReport } from '../../src/core/scrub/index.ts'
import { decodeFrames, type DecodedStream, difference, greyPictures } from './decode.ts'
import { ACCOUNT, type Engine, makeSource, startEngine } from './engine.ts'
import { pictureHashes, writeRendition } from './rendition.ts'

let engine: Engine
/** Passed through by way of a remux, with one encoded picture and an encoded sound. */
let uid: string
/** Of ten seconds of it. */
let clip: string

const RENDITIONS: Renditions = [
  [() => uid, '90p'],
  [() => uid, 'audio'],
  [() => clip, '90p'],
  [() => clip, 'audio'],
]

/** Of 255: chunks of other lengths are given their bits elsewhere; another picture differs by twenty. */
const MOST_DIFFERENCE = 4

/** What every rendition shows and how it sounds, before anything was damaged. */
let whole: readonly Look[]

beforeAll(async () => {
  engine = await startEngine({ forceLadder: true })
  const file = await makeSource(
    join(engine.folder, 'source.mkv'),
    '-f lavfi -i testsrc2=s=160x90:r=25:d=10 -f lavfi -i sine=sample_rate=48000:duration=10 -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p -c:a libopus -b:a 64k',
  )
  uid = await engine.addSource(file)
  await engine.ingest(uid)
  await engine.encode()
  const cut = { accountId: ACCOUNT, sourceUid: uid, startSeconds: 1.5, endSeconds: 9.5, fields: {} }
  clip = (await createClip(engine, cut)).uid
  await runNext('clip')
  await engine.encode()
  await createDownload(engine, { accountId: ACCOUNT, uid, type: 'default' })
  await runNext('build-download')
  whole = await look(RENDITIONS)
})
afterAll(() => engine.close())

async function runNext(kind: string): Promise<void> {
  const job = await engine.claim(kind)
  if (job === undefined) throw new Error(`there is no ${kind} job`)
  await engine.run(job)
}

type Renditions = readonly (readonly [() => string, string])[]

type Look = {
  readonly streams: readonly DecodedStream[]
  readonly hashes: string[]
  readonly pictures: Buffer[]
}

async function look(which: Renditions): Promise<Look[]> {
  const looks: Look[] = []
  for (const [video, name] of which) {
    const file = await writeRendition(engine, video(), name)
    const streams = await decodeFrames(file)
    const isSound = name === 'audio'
    const hashes = isSound || video() === clip ? [] : await pictureHashes(file)
    looks.push({ streams, hashes, pictures: isSound ? [] : await greyPictures(file) })
  }
  return looks
}

/** Every frame at its time; pictures of the source's own chunks to the bit, those a clip encodes for itself to the eye. */
async function expectAsBefore(which: Renditions = RENDITIONS): Promise<void> {
  for (const [index, now] of (await look(which)).entries()) {
    const before = whole[index]
    expect(now.streams).toEqual(before?.streams)
    expect(now.hashes).toEqual(before?.hashes)
    const differences = now.pictures.map((picture, number) =>
      difference(picture, before?.pictures[number] ?? Buffer.alloc(0)),
    )
    expect(Math.max(0, ...differences)).toBeLessThan(MOST_DIFFERENCE)
  }
}

async function scrub(options: { repair: boolean }): Promise<ScrubReport> {
  const run = new Scrub(
    { ...engine, build: engine.decoder.build.id },
    { ...options, bytesPerSecond: null, straysBeforeUs: Number.POSITIVE_INFINITY },
  )
  await run.run(new AbortController().signal)
  return run.report()
}

/** Everything that a repair queued. */
async function work(): Promise<number> {
  const jobs = await engine.encode()
  for (let job = await engine.claim('build-download'); job !== undefined; ) {
    await engine.run(job)
    job = await engine.claim('build-download')
  }
  return jobs.length
}

const pathOf = (blob: string): string => join(engine.folder, 'blobs', blob)

/** Names of recorded blobs that begin with `prefix`, largest first. */
async function blobsOf(prefix: string): Promise<string[]> {
  const rows = await engine.db
    .selectFrom('blobs')
    .select('name')
    .where('name', 'like', `${prefix}%`)
    .orderBy('size_bytes', 'desc')
    .execute()
  return rows.map(({ name }) => name)
}

/** The blob of that kind with the most in it; of a rendition's where its name in the plan is given. */
async function findBlob(kind: string, rendition?: string): Promise<string> {
  const { plan } = await engine.plan(uid)
  const id = rendition === 'audio' ? plan.audio?.id : plan.video.find(({ name }) => name === rendition)?.id
  const chunks = await engine.db
    .selectFrom('chunks')
    .select('blob')
    .where('rendition', '=', id ?? '')
    .execute()
  const found = (await blobsOf(`${kind}/${uid}`)).find(
    (name) => rendition === undefined || chunks.some(({ blob }) => blob === name),
  )
  if (found === undefined) throw new Error(`there is no ${kind} of ${rendition ?? 'the video'}`)
  return found
}

async function flip(blob: string): Promise<void> {
  const bytes = await readFile(pathOf(blob))
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  // In place, as a disk does it.
  await writeFile(pathOf(blob), bytes, { flag: 'r+' })
}

test('finds nothing where nothing is wrong, however often', async () => {
  const report = await scrub({ repair: true })
  expect(report).toMatchObject({ state: 'done', damaged: 0, strays: 0, findings: [], error: null })
  expect(report.files.checked).toBe(report.files.total)
  expect(report.bytes.checked).toBe(report.bytes.total)
  expect(report.files.total).toBe((await blobsOf('')).length)
  expect(await work()).toBe(0)
})

describe('what is made again and then plays as before', () => {
  const kinds = [
    ['remuxes', undefined],
    ['indexes', undefined],
    ['tracks', '90p'],
    ['tracks', 'audio'],
    ['downloads', undefined],
  ] as const
  const findAll = () => Promise.all(kinds.map(([kind, rendition]) => findBlob(kind, rendition)))

  test.each([
    ['a lost end', 'length', (blob: string) => truncate(pathOf(blob), 100)],
    ['something at the end', 'length', (blob: string) => appendFile(pathOf(blob), 'more')],
    ['a lost file', 'missing', (blob: string) => rm(pathOf(blob))],
  ] as const)('%s, which is told of every kind of file', async (_, problem, damage) => {
    const victims = await findAll()
    const kept = await Promise.all(victims.map((blob) => readFile(pathOf(blob))))
    for (const blob of victims) await damage(blob)
    const told = await scrub({ repair: false })
    expect(told).toMatchObject({ state: 'done', damaged: 5, repaired: 0, lost: 0, strays: 0 })
    expect(told.findings.map(({ file }) => file).toSorted()).toEqual(
      victims.map((name) => `blobs/${name}`).toSorted(),
    )
    for (const finding of told.findings) {
      expect(finding).toMatchObject({ video: uid, problem, outcome: 'repairable' })
    }
    for (const [index, blob] of victims.entries()) await writeFile(pathOf(blob), kept[index] ?? '')
    expect(await scrub({ repair: true })).toMatchObject({ damaged: 0 })
  })

  test('a flipped bit, in every kind of file that was made', async () => {
    for (const blob of await findAll()) await flip(blob)
    const repaired = await scrub({ repair: true })
    // The download is made again anyway: it may have been copied from the damaged chunk.
    expect(repaired).toMatchObject({ damaged: 4, repaired: 4, lost: 0 })
    for (const finding of repaired.findings) {
      expect(finding).toMatchObject({ video: uid, problem: 'content', outcome: 'repaired' })
    }
    // What is damaged is not to be had any more, from now on.
    expect((await engine.plan(uid)).complete).toBe(false)
    expect((await engine.plan(clip)).complete).toBe(false)
    expect(await work()).toBeGreaterThan(0)
    await expectAsBefore()
    expect((await engine.video(uid)).pctComplete).toBe(100)
    expect((await engine.plan(clip)).complete).toBe(true)
    expect(await scrub({ repair: false })).toMatchObject({ damaged: 0, strays: 0, findings: [] })
  })

  test('a header, with all of its rendition', async () => {
    const { plan } = await engine.plan(uid)
    const id = plan.video.find(({ name }) => name === '90p')?.id
    const row = await engine.db
      .selectFrom('renditions')
      .select('init_blob')
      .where('rendition', '=', id ?? '')
      .executeTakeFirstOrThrow()
    await rm(pathOf(row.init_blob))
    expect(await scrub({ repair: true })).toMatchObject({ damaged: 1, repaired: 1, lost: 0 })
    await work()
    await expectAsBefore(RENDITIONS.slice(0, 1))
    expect(await scrub({ repair: false })).toMatchObject({ damaged: 0, strays: 0, findings: [] })
  })

  test('a chunk while a job of its video is at work, which then looks anew at what is missing', async () => {
    const chunk = await findBlob('tracks', '90p')
    await flip(chunk)
    await scrub({ repair: true })
    const job = await engine.claim('encode')
    if (job === undefined) throw new Error('nothing was queued')
    const [another] = (await blobsOf(`tracks/${uid}`)).filter((name) => !name.endsWith('init.mp4'))
    const running = engine.run(job)
    await flip(another ?? '')
    await scrub({ repair: true })
    await expect(running).rejects.toMatchObject({ code: 'conflict' })
    await engine.jobs.fail(job, { error: 'conflict', retryAtUs: 0 })
    await work()
    await expectAsBefore(RENDITIONS.slice(0, 1))
    expect(await scrub({ repair: true })).toMatchObject({ damaged: 0 })
  })

  test('a chunk that another ffmpeg made, with all of its rendition', async () => {
    const { plan } = await engine.plan(uid)
    await engine.db
      .updateTable('plans')
      .set({ plan: JSON.stringify({ ...plan, decoder: 'an older ffmpeg' }) })
      .where('video_uid', '=', uid)
      .execute()
    await flip(await findBlob('tracks', '90p'))
    expect(await scrub({ repair: true })).toMatchObject({ damaged: 1, repaired: 1 })
    expect((await engine.plan(uid)).plan.decoder).toBe(engine.decoder.build.id)
    await work()
    await expectAsBefore(RENDITIONS.slice(0, 1))
    expect(await scrub({ repair: true })).toMatchObject({ damaged: 0, strays: 0 })
  })

  test('an added sound, where what it was taken from is there; else its owner is told', async () => {
    const added = await addTrackFromVideo(
      engine,
      { accountId: ACCOUNT, uid },
      { label: 'again', sourceUid: clip },
    )
    await runNext('encode-audio')
    const damage = async () => {
      const track = await getTrack(engine.db, added.uid)
      const row = await engine.db
        .selectFrom('chunks')
        .select('blob')
        .where('rendition', '=', track?.rendition ?? '')
        .executeTakeFirstOrThrow()
      await flip(row.blob)
    }
    await damage()
    expect(await scrub({ repair: true })).toMatchObject({ damaged: 1, repaired: 1 })
    expect((await getTrack(engine.db, added.uid))?.status).toBe('queued')
    await runNext('encode-audio')
    expect((await getTrack(engine.db, added.uid))?.status).toBe('ready')
    expect(await scrub({ repair: true })).toMatchObject({ damaged: 0, strays: 0 })

    await engine.db
      .updateTable('audio_tracks')
      .set({ source: JSON.stringify({ from: 'file' }) })
      .where('uid', '=', added.uid)
      .execute()
    await damage()
    const { lost, findings } = await scrub({ repair: true })
    expect(lost).toBe(1)
    expect(findings[0]?.means).toContain('the audio track "again", whose file is not kept')
    expect((await getTrack(engine.db, added.uid))?.status).toBe('ready')
  })
})
