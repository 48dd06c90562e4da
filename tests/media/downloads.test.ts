/**
 * Files to download, as ffprobe and ffmpeg find them: every packet of the best picture and the sound with the time it
 * plays with, the head first, the duration right, and nothing decoded on the way.
 */

import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { downloadBlob } from '../../src/core/blob-names.ts'
import {
  buildDownload,
  createDownload,
  deleteDownload,
  type DownloadType,
  getDownloads,
  giveUpDownloadFile,
} from '../../src/core/downloads/index.ts'
import { deleteVideo, storageUsage, sweepLeftovers } from '../../src/core/videos/index.ts'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import type { Thread } from '../../src/ports.ts'
import { bytesSource, decodedFrames, openSamples, type Samples } from '../media-samples.ts'
import { ACCOUNT, type Engine, startEngine } from './engine.ts'
import { writeRendition } from './rendition.ts'

const execute = promisify(execFile)

let engine: Engine
let samples: Samples

beforeAll(async () => {
  engine = await startEngine()
  samples = await openSamples()
})
afterAll(async () => {
  await engine.close()
  await samples.remove()
})

/** Runs the jobs that make files; answers how many there were. */
async function build(on: Engine = engine): Promise<number> {
  for (let count = 0; ; count += 1) {
    const job = await on.claim('build-download')
    if (job === undefined) return count
    await on.run(job)
  }
}

async function present(uid: string, type: DownloadType, on: Engine = engine) {
  const all = await getDownloads(on.db, { accountId: ACCOUNT, uid })
  return all.find((download) => download.type === type)
}

/** The finished file, as bytes and as a path. */
async function file(uid: string, type: DownloadType, on: Engine = engine) {
  const download = await present(uid, type, on)
  if (!download?.blob) throw new Error(`the ${type} download of ${uid} is ${download?.state}`)
  const reader = await on.blobs.open(download.blob.name)
  const bytes = Buffer.alloc(reader.sizeBytes)
  await reader.read(bytes, 0)
  await reader.close()
  const path = join(on.folder, `${uid}-${type}.mp4`)
  await writeFile(path, bytes)
  return { path, bytes }
}

const create = (uid: string, type: DownloadType) => createDownload(engine, { accountId: ACCOUNT, uid, type })

async function probe(path: string) {
  const { stdout } = await execute('ffprobe', [
    ...'-v error -show_format -show_streams -of json'.split(' '),
    path,
  ])
  return JSON.parse(stdout) as {
    format: { duration: string; start_time: string }
    streams: { codec_name: string; start_time: string; duration: string; width?: number; height?: number }[]
  }
}

/** Types and sizes of the boxes at the top of a file. */
function topBoxes(bytes: Buffer): string[] {
  const types: string[] = []
  for (let at = 0; at < bytes.length; at += bytes.readUInt32BE(at)) {
    types.push(bytes.toString('latin1', at + 4, at + 8))
  }
  return types
}

/** What every packet of a stream is and when it is shown, in seconds. */
async function packets(path: string, stream: 'v' | 'a') {
  const { stdout } = await execute(
    'ffprobe',
    [...`-v error -select_streams ${stream}:0 -show_packets -show_data_hash md5 -of json`.split(' '), path],
    { maxBuffer: 1e9 },
  )
  const found = JSON.parse(stdout) as { packets?: Record<string, string>[] }
  return (found.packets ?? []).map(({ pts_time, dts_time, flags, data_hash }) => ({
    pts: Number(pts_time).toFixed(4),
    dts: Number(dts_time).toFixed(4),
    key: flags?.startsWith('K'),
    hash: data_hash,
  }))
}

/** The sources: passed through, with sound that is late, times that vary, or reordering; and encoded in part or whole. */
const SOURCES = ['plain', 'lateSound', 'variableRate', 'mov', 'hevc'] as const

describe.each(SOURCES)('of %s', (name) => {
  test('has every packet of the best picture and of the sound, at its time', async () => {
    const uid = await engine.addSource(await samples.make(name))
    await engine.ingest(uid)
    await engine.encode()
    await create(uid, 'default')
    await create(uid, 'audio')
    expect(await build()).toBe(2)
    const { plan } = await engine.plan(uid)
    const { path, bytes } = await file(uid, 'default')
    expect(topBoxes(bytes)).toEqual(['ftyp', 'moov', 'mdat'])
    const picture = await writeRendition(engine, uid, plan.video.at(-1)?.name ?? '')
    const shown = await packets(path, 'v')
    expect(shown.length).toBeGreaterThan(50)
    expect(shown).toEqual(await packets(picture, 'v'))
    expect(await decodedFrames(path)).toEqual(await decodedFrames(picture))
    const heard = await packets(path, 'a')
    expect(heard.length).toBeGreaterThan(150)
    expect(heard).toEqual(await packets(await writeRendition(engine, uid, 'audio'), 'a'))
    const facts = await probe(path)
    expect(Number(facts.format.duration)).toBeCloseTo((plan.cuts.at(-1) ?? 0) / plan.timescale, 5)
    expect(facts.streams.map(({ start_time }) => Number(start_time))).toEqual([0, 0])
    const sound = await file(uid, 'audio')
    expect((await probe(sound.path)).streams).toHaveLength(1)
    expect(await packets(sound.path, 'a')).toEqual(heard)
  })
})

test('what is passed through is the source, packet by packet and in step', async () => {
  const source = await samples.make('plain')
  const uid = await engine.addSource(source)
  await engine.ingest(uid)
  await create(uid, 'default')
  await build()
  const { path } = await file(uid, 'default')
  for (const stream of ['v', 'a'] as const) {
    const times = (found: Awaited<ReturnType<typeof packets>>) =>
      found.filter(({ pts }) => Number(pts) >= 0).map(({ pts, key, hash }) => [pts, key, hash])
    expect(times(await packets(path, stream))).toEqual(times(await packets(source, stream)))
  }
})

test('picture and sound take turns every second', async () => {
  const uid = await engine.addSource(await samples.make('plain'))
  await engine.ingest(uid)
  await create(uid, 'default')
  await build()
  const { tracks } = await readMovie(bytesSource((await file(uid, 'default')).bytes))
  const seconds = tracks.map(({ samples: { offsets, decodeTimes }, timescale }) =>
    Array.from(offsets, (offset, at) => ({ offset, seconds: (decodeTimes[at] ?? 0) / timescale })),
  )
  for (const [sound, picture] of (seconds[1] ?? []).map(
    (one) => [one, seconds[0]?.findLast(({ offset }) => offset < one.offset)] as const,
  )) {
    expect(Math.abs(sound.seconds - (picture?.seconds ?? 0))).toBeLessThan(2.1)
  }
})

describe('while it is made', () => {
  test('it waits for the picture it will have, and takes up no place meanwhile', async () => {
    await using slow = await startLadder()
    const uid = await slow.addSource(await samples.make('plain'))
    await slow.ingest(uid)
    expect((await slow.video(uid)).state).toBe('ready')
    const request = { accountId: ACCOUNT, uid, type: 'default' } as const
    await createDownload(slow, request)
    expect(await build(slow)).toBe(1)
    expect((await present(uid, 'default', slow))?.state).toBe('inprogress')
    await slow.encode()
    expect(await build(slow)).toBe(1)
    const { plan } = await slow.plan(uid)
    const top = plan.video.findLast(({ made }) => made !== 'passthrough')
    const { path } = await file(uid, 'default', slow)
    expect(await packets(path, 'v')).toEqual(
      await packets(await writeRendition(slow, uid, top?.name ?? ''), 'v'),
    )
  })

  test('deleting it leaves nothing; made again it is there', async () => {
    const uid = await engine.addSource(await samples.make('plain'))
    await engine.ingest(uid)
    const request = { accountId: ACCOUNT, uid, type: 'default' } as const
    await create(uid, 'default')
    const job = await engine.claim('build-download')
    if (job === undefined) throw new Error('there is no job')
    const thread: Thread = {
      ...engine.thread,
      run: async (...question) => {
        const answer = await engine.thread.run(...question)
        await deleteDownload(engine, request)
        return answer
      },
    }
    await buildDownload({ ...engine, thread }, job, { signal: new AbortController().signal })
    expect(await stored(uid)).toEqual([])
    await create(uid, 'default')
    expect(await build()).toBe(1)
    expect(await stored(uid)).toHaveLength(1)
  })

  test('a stop leaves no draft, and the next try begins anew', async () => {
    const uid = await engine.addSource(await samples.make('plain'))
    await engine.ingest(uid)
    await create(uid, 'default')
    const job = await engine.claim('build-download')
    if (job === undefined) throw new Error('there is no job')
    const stopping = new AbortController()
    const thread: Thread = {
      ...engine.thread,
      run: async (...question) => {
        const answer = await engine.thread.run(...question)
        stopping.abort(new Error('stopping'))
        return answer
      },
    }
    const { signal } = stopping
    await expect(buildDownload({ ...engine, thread }, job, { signal })).rejects.toThrow('stopping')
    expect(await Array.fromAsync(engine.blobs.listDrafts())).toEqual([])
    await engine.jobs.release(job)
    expect(await build()).toBe(1)
    expect((await present(uid, 'default'))?.percentComplete).toBe(100)
  })

  test('a full disk ends it; asking again tries again', async () => {
    const uid = await engine.addSource(await samples.make('plain'))
    await engine.ingest(uid)
    const { id } = await create(uid, 'default')
    const job = await engine.claim('build-download')
    if (job === undefined) throw new Error('there is no job')
    const limits = { ...engine.limits, minFreeBytes: Number.MAX_SAFE_INTEGER }
    const context = { signal: new AbortController().signal }
    await expect(buildDownload({ ...engine, limits }, job, context)).rejects.toMatchObject({
      code: 'disk_full',
    })
    await giveUpDownloadFile(engine.db, job)
    await engine.jobs.fail(job, { error: 'disk full', retryAtUs: 'never' })
    expect(await present(uid, 'default')).toMatchObject({ id, state: 'error', blob: null })
    expect((await create(uid, 'default')).id).not.toBe(id)
    expect(await build()).toBe(1)
    expect((await present(uid, 'default'))?.state).toBe('ready')
  })
})

test('files take no storage minutes, the sweep knows them, and they go with their video', async () => {
  const uid = await engine.addSource(await samples.make('plain'))
  await engine.ingest(uid)
  const question = { accountId: ACCOUNT, nowUs: engine.clock.nowUs(), storageMinutes: 0 }
  const usage = await storageUsage(engine.db, question)
  await create(uid, 'default')
  await build()
  expect(await storageUsage(engine.db, question)).toEqual(usage)
  const draft = await engine.blobs.createDraft()
  await draft.append([Buffer.from('left by a crash')])
  await draft.publish(downloadBlob(uid, 'default', 'lost'))
  expect(await stored(uid)).toHaveLength(2)
  await sweepLeftovers(engine, { graceMs: -60_000 })
  expect(await stored(uid)).toHaveLength(1)
  await deleteVideo(engine, ACCOUNT, uid)
  expect(await stored(uid)).toEqual([])
  expect(await engine.db.selectFrom('downloads').where('video_uid', '=', uid).selectAll().execute()).toEqual(
    [],
  )
})

/** Blobs of the files of a video. */
async function stored(uid: string): Promise<string[]> {
  const found = await Array.fromAsync(engine.blobs.list(`downloads/${uid}/`))
  return found.map(({ name }) => name)
}

/** An engine that encodes every rung, also beside a source that plays. */
async function startLadder(): Promise<Engine & AsyncDisposable> {
  const slow = await startEngine({ forceLadder: true })
  return { ...slow, [Symbol.asyncDispose]: () => slow.close() }
}
