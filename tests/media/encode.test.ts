/** Chunks: aligned in every rung, one header per rendition, sound exact, nothing made twice, and a viewer first. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestSegment } from '../../src/core/encoding/index.ts'
import { listEvents } from '../../src/core/videos/index.ts'
import type { Decoder, DecoderFile, DecoderTask } from '../../src/ports.ts'
import { type WorkerDeps, workerHandlers } from '../../src/roles/worker.ts'
import { type Engine, makeSource, startEngine } from './engine.ts'
import { pictureHashes, picturePsnr, probe, writeRendition } from './rendition.ts'

let folder: string
let engine: Engine
/** 26 s: a first chunk of one segment, one of 16 s, one of the rest. Cut points where the source has them. */
let uneven: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-'))
  engine = await startEngine()
  uneven = await makeSource(
    join(folder, 'uneven.mp4'),
    `-f lavfi -i testsrc2=s=640x360:r=24:d=26 -f lavfi -i sine=r=44100:d=26 -force_key_frames 0,2.5,5,7,11,12.5,17,19,23.5 -c:v libx264 -preset superfast -crf 30 -x264-params keyint=infinite:scenecut=0:bframes=2 -c:a libmp3lame`,
  )
})

afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

describe('a ladder beside a passthrough', () => {
  let uid: string
  beforeAll(async () => {
    uid = await ingestForced(uneven)
    await engine.encode()
  })

  test('is cut where the source can be cut, in every rendition', async () => {
    const { plan, complete } = await engine.plan(uid)
    expect(complete).toBe(true)
    expect(plan.cuts.map((cut) => cut / plan.timescale)).toEqual([0, 5, 7, 12.5, 17, 19, 23.5, 26])
    expect(plan.videoChunks).toEqual([
      { firstSegment: 0, endSegment: 1 },
      { firstSegment: 1, endSegment: 7 },
    ])
    const chunks = await engine.db.selectFrom('chunks').selectAll().where('video_uid', '=', uid).execute()
    for (const chunk of chunks) {
      expect(JSON.parse(chunk.segment_bytes)).toHaveLength(chunk.segment_count)
    }
  })

  test('shows the frames of the source at the times of the source', async () => {
    const { plan } = await engine.plan(uid)
    const rung = plan.video.find(({ made }) => made === 'ladder')
    const written = await writeRendition(engine, uid, rung?.name ?? '')
    const probed = await probe(written)
    expect(probed.packets).toHaveLength(624)
    const keys = probed.packets.filter(({ key }) => key).map(({ seconds }) => seconds)
    expect(keys.map((key) => Math.round(key * 1000))).toEqual([0, 5000, 7000, 12_500, 17_000, 19_000, 23_500])
    expect(
      Math.min(...(await picturePsnr(written, uneven, { path: 'null', reference: 'null' }))),
    ).toBeGreaterThan(30)
  })

  test('has exactly as much sound as planned, without a drift', async () => {
    const { plan } = await engine.plan(uid)
    const probed = await probe(await writeRendition(engine, uid, 'audio'))
    expect(probed.packets).toHaveLength(plan.audio?.frameCount ?? 0)
    expect(probed.packets).toHaveLength(Math.ceil((26 * 48_000) / 1024))
    for (const [index, { seconds }] of probed.packets.entries())
      expect(seconds).toBeCloseTo((index * 1024) / 48_000, 4)
  })

  test('tells of every rendition, and of the whole', async () => {
    const kinds = (await listEvents(engine.db, uid)).map(({ kind }) => kind)
    // The sound is encoded too, so the video is ready with its first chunk.
    expect(kinds.slice(0, 4)).toEqual(['created', 'inprogress', 'planned', 'ready'])
    expect(kinds.filter((kind) => kind === 'rendition')).toHaveLength(2)
    expect(kinds.at(-1)).toBe('complete')
  })
})

describe('a passthrough', () => {
  test('is the source, picture by picture', async () => {
    const source = await makeSource(join(folder, 'kept.mp4'), `-i ${uneven} -c copy -an`)
    const uid = await engine.addSource(source)
    await engine.ingest(uid)
    await engine.encode()
    const written = await writeRendition(engine, uid, '360p')
    expect(await pictureHashes(written)).toEqual(await pictureHashes(source))
  })
})

describe('a source with a damaged stretch', () => {
  test('has whole rungs all the same', async () => {
    const path = await makeSource(
      join(folder, 'whole.mp4'),
      '-f lavfi -i testsrc2=s=854x480:r=25:d=10 -c:v libx264 -preset veryfast -crf 32 -g 50 -bf 2 -movflags faststart',
    )
    const bytes = await readFile(path)
    const middle = bytes.length >> 1
    bytes.fill(0, middle, middle + 20_000)
    const uid = await engine.addSource(bytes)
    await engine.ingest(uid)
    await engine.encode()
    expect((await engine.plan(uid)).complete).toBe(true)
    const { packets } = await probe(await writeRendition(engine, uid, '360p'))
    expect(packets).toHaveLength(250)
  })
})

describe('an encode that is interrupted', () => {
  test('goes on where it was, and makes nothing twice', async () => {
    const uid = await ingestForced(uneven)
    const runs: string[] = []
    const watched = watchDecoder(engine, runs)
    await runJobs(watched, 2)
    const before = await chunkRows(uid)
    // The server dies while the third job runs: its claim is void, its work is lost.
    const dying = new AbortController()
    const job = await engine.claim('encode')
    if (job === undefined) throw new Error('no third job')
    dying.abort(new Error('killed'))
    await expect(workerHandlers(watched).encode(job, { signal: dying.signal })).rejects.toThrow('killed')
    await engine.jobs.releaseAll()
    await runJobs(watched, Number.POSITIVE_INFINITY)
    expect((await engine.plan(uid)).complete).toBe(true)
    const after = await chunkRows(uid)
    for (const row of before) expect(after).toContainEqual(row)
    // A job that is run again after its commit finds everything there.
    runs.length = 0
    await engine.db
      .updateTable('jobs')
      .set({ state: 'queued', lease_until_us: null })
      .where('video_uid', '=', uid)
      .where('kind', '=', 'encode')
      .execute()
    await runJobs(watched, Number.POSITIVE_INFINITY)
    expect(runs).toEqual([])
  })
})

test('a file of the encoder that is shorter than it says itself is not taken, even when nothing else failed', async () => {
  const uid = await ingestForced(uneven)
  const first = await engine.claim('encode')
  const job =
    (first?.payload as { kind: string } | undefined)?.kind === 'video' ? first : await engine.claim('encode')
  if (job === undefined) throw new Error('no job')
  const run: Decoder['run'] = async (task, options) => {
    const real = await engine.decoder.run(task, options)
    const files = [...real.files].map(([name, file]): [string, DecoderFile] => [
      name,
      { name, sizeBytes: file.sizeBytes >> 1, read: (target, position) => file.read(target, position) },
    ])
    return { ...real, files: new Map(files) }
  }
  const cut = { ...engine, decoder: { build: engine.decoder.build, run } }
  const signal = new AbortController().signal
  await expect(workerHandlers(cut).encode(job, { signal })).rejects.toThrow(/ends at byte \d+ of \d+/)
  expect(await chunkRows(uid)).toEqual([])
  await engine.jobs.releaseAll()
  await engine.encode()
  expect((await engine.plan(uid)).complete).toBe(true)
})

describe('a viewer who waits', () => {
  test('gets the wanted segment of the wanted rendition first, and the rest does not make it again', async () => {
    const source = await makeSource(join(folder, 'late.mp4'), `-i ${uneven} -c:v mpeg4 -q:v 4 -an -t 20`)
    const uid = await engine.addSource(source)
    await engine.ingest(uid)
    const { plan } = await engine.plan(uid)
    const low = plan.video.find(({ made }) => made === 'low')
    if (low === undefined) throw new Error('no low rung')
    const wanted = { uid, renditionId: low.id, segment: 3 }
    await requestSegment(engine, wanted)
    await requestSegment(engine, wanted)
    const job = await engine.claim('urgent')
    if (job === undefined) throw new Error('no urgent job')
    await engine.run(job)
    expect(await engine.claim('urgent')).toBeUndefined()
    // One row per segment: each was published by itself, to the end of its chunk.
    expect(
      (await chunkRows(uid)).map(({ first_segment, segment_count }) => [first_segment, segment_count]),
    ).toEqual([
      [3, 1],
      [4, 1],
    ])
    const urgent = await chunkRows(uid)
    await engine.encode()
    expect((await engine.plan(uid)).complete).toBe(true)
    for (const row of urgent) expect(await chunkRows(uid)).toContainEqual(row)
    const written = await writeRendition(engine, uid, low.name)
    expect((await probe(written)).packets).toHaveLength(480)
    expect(
      Math.min(...(await picturePsnr(written, source, { path: 'null', reference: 'null' }))),
    ).toBeGreaterThan(30)
  })

  test('gets sound as well', async () => {
    const uid = await engine.addSource(uneven)
    await engine.ingest(uid)
    const { plan } = await engine.plan(uid)
    await requestSegment(engine, { uid, renditionId: plan.audio?.id ?? '', segment: 5 })
    const job = await engine.claim('urgent')
    if (job === undefined) throw new Error('no urgent job')
    await engine.run(job)
    expect(
      (await chunkRows(uid)).map(({ first_segment, segment_count }) => [first_segment, segment_count]),
    ).toEqual([[5, 2]])
    await engine.encode()
    expect((await probe(await writeRendition(engine, uid, 'audio'))).packets).toHaveLength(
      plan.audio?.frameCount ?? 0,
    )
  })
})

describe('HDR', () => {
  test('becomes BT.709, 8 bits, and not darker or brighter than sense', async () => {
    const uid = await engine.addSource(
      await makeSource(
        join(folder, 'hdr.mp4'),
        '-f lavfi -i testsrc2=s=320x180:d=1,format=yuv420p10le -c:v libx265 -x265-params log-level=0 -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc',
      ),
    )
    await engine.ingest(uid)
    const { plan } = await engine.plan(uid)
    expect(plan.picture).toMatchObject({ transfer: 'pq', bitDepth: 10 })
    await engine.encode()
    expect(await probe(await writeRendition(engine, uid, '180p'))).toMatchObject({ pixelFormat: 'yuv420p' })
  })
})

/** At 360 lines there is nothing below the passthrough; asked for all the same, the rung of its size is made too. */
async function ingestForced(source: string): Promise<string> {
  const forced: WorkerDeps = { ...engine, settings: { ...engine.settings, forceLadder: true } }
  const uid = await engine.addSource(source)
  const job = await engine.claim('ingest')
  if (job === undefined) throw new Error('no job')
  await workerHandlers(forced).ingest(job, { signal: new AbortController().signal })
  return uid
}

/** Notes what is run. */
function watchDecoder(deps: WorkerDeps, runs: string[]): WorkerDeps {
  const run = (task: DecoderTask, options: Parameters<WorkerDeps['decoder']['run']>[1]) => {
    runs.push(task.label)
    return deps.decoder.run(task, options)
  }
  return { ...deps, decoder: { build: deps.decoder.build, run } }
}

async function runJobs(deps: WorkerDeps, atMost: number): Promise<void> {
  for (let count = 0; count < atMost; count += 1) {
    const job = await deps.jobs.claim({ kinds: ['encode'], leaseMs: 600_000 })
    if (job === undefined) return
    await workerHandlers(deps).encode(job, { signal: new AbortController().signal })
  }
}

async function chunkRows(uid: string) {
  return await engine.db
    .selectFrom('chunks')
    .select(['rendition', 'first_segment', 'segment_count', 'blob', 'segment_bytes'])
    .where('video_uid', '=', uid)
    .orderBy('first_segment')
    .execute()
}
