/** What ingest decides, and how it refuses: one clear sentence for each kind of broken or foreign file. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listEvents } from '../../src/core/videos/index.ts'
import { type Engine, makeSource, startEngine } from './engine.ts'

let folder: string
let engine: Engine
let plain: Buffer
let fast: Buffer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ingest-'))
  engine = await startEngine()
  const line =
    '-f lavfi -i testsrc2=s=320x180:r=25:d=3 -f lavfi -i sine=d=3 -c:v libx264 -crf 32 -g 25 -c:a aac -ac 2'
  plain = await readFile(await makeSource(join(folder, 'plain.mp4'), line))
  fast = await readFile(
    await makeSource(join(folder, 'fast.mp4'), `-i ${join(folder, 'plain.mp4')} -c copy -movflags faststart`),
  )
})

afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

const text = (content: string): Buffer => Buffer.from(content)

describe('ingest refuses', () => {
  test.each([
    ['text', () => text('this is not a video at all\n'), 'ERR_NON_VIDEO', /found .*text/],
    ['nothing', () => Buffer.alloc(0), 'ERR_NON_VIDEO', /Expected a video file/],
    ['noise', () => noise(5000), 'ERR_NON_VIDEO', /Expected a video file/],
    [
      'a playlist',
      () => text('#EXTM3U\n#EXTINF:2,\nplain.mp4\n#EXT-X-ENDLIST\n'),
      'ERR_NON_VIDEO',
      /playlist/,
    ],
    [
      'a list of files',
      () => text('ffconcat version 1.0\nfile plain.mp4\n'),
      'ERR_NON_VIDEO',
      /Expected a video file/,
    ],
    [
      'an MPD',
      () => text('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'),
      'ERR_NON_VIDEO',
      /Expected a video file/,
    ],
    [
      'a file cut off before its index',
      () => plain.subarray(0, plain.length / 2),
      'ERR_MALFORMED_VIDEO',
      /cut off.*send the whole file/,
    ],
    [
      'a file cut off after its index',
      () => fast.subarray(0, fast.length - 1000),
      'ERR_MALFORMED_VIDEO',
      /needs \d+ bytes, but only \d+ are there/,
    ],
    ['an index of 64 GiB', () => hugeIndex(), 'ERR_MALFORMED_VIDEO', /68719476736 bytes/],
    [
      'an index of noise',
      () => Buffer.concat([fast.subarray(0, fast.indexOf('mvhd') + 8), noise(fast.length)]),
      'ERR_MALFORMED_VIDEO',
      /damaged|has no/,
    ],
  ] as const)('%s', async (_name, make, reasonCode, sentence) => {
    const uid = await engine.addSource(make())
    await engine.ingest(uid)
    const video = await engine.video(uid)
    expect(video.state).toBe('error')
    expect(video.error?.reasonCode).toBe(reasonCode)
    expect(video.error?.detail).toMatchObject({ detail: expect.stringMatching(sentence) })
    // Nothing is left to do, and nothing was left behind.
    expect(await engine.claim('ingest')).toBeUndefined()
    expect(await blobsOf(uid)).toEqual([`sources/${uid}`])
  })

  test.each([
    [
      'sound without a picture',
      'sound.mp4',
      '-f lavfi -i sine=d=1 -c:a aac',
      {},
      'ERR_NON_VIDEO',
      /no picture track/,
    ],
    [
      'sound in another container',
      'sound.mkv',
      '-f lavfi -i sine=d=1 -c:a libopus',
      {},
      'ERR_NON_VIDEO',
      /picture/,
    ],
    ['plain sound', 'sound.mp3', '-f lavfi -i sine=d=1', {}, 'ERR_NON_VIDEO', /mp3 sound/],
    [
      'one picture',
      'one.mp4',
      '-f lavfi -i testsrc2=d=0.04 -c:v libx264',
      {},
      'ERR_DURATION_TOO_SHORT',
      /0\.040 s/,
    ],
    [
      'more than the upload allows',
      'long.mp4',
      '-f lavfi -i testsrc2=d=3:s=64x64 -c:v libx264',
      { maxDurationSeconds: 2 },
      'ERR_DURATION_EXCEED_CONSTRAINT',
      /3\.0 s.*2 s/,
    ],
  ] as const)('%s', async (_name, file, line, changes, reasonCode, sentence) => {
    const uid = await engine.addSource(await makeSource(join(folder, file), line), changes)
    await engine.ingest(uid)
    const video = await engine.video(uid)
    expect(video.error?.reasonCode).toBe(reasonCode)
    expect(video.error?.detail).toMatchObject({ detail: expect.stringMatching(sentence) })
    expect(await blobsOf(uid)).toEqual([`sources/${uid}`])
  })

  test('a WebM that was cut off', async () => {
    const whole = await readFile(
      await makeSource(
        join(folder, 'whole.webm'),
        '-f lavfi -i testsrc2=s=320x180:r=25:d=12 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M',
      ),
    )
    const uid = await engine.addSource(whole.subarray(0, whole.length / 2))
    await engine.ingest(uid)
    expect((await engine.video(uid)).error).toMatchObject({
      reasonCode: 'ERR_MALFORMED_VIDEO',
      detail: { detail: expect.stringMatching(/says it lasts 12\.0 s, but its pictures end at/) },
    })
    expect(await blobsOf(uid)).toEqual([`sources/${uid}`])
  })
})

describe('ingest', () => {
  test('makes a playable source ready at once, without a single encode', async () => {
    const uid = await engine.addSource(plain)
    await engine.ingest(uid)
    const video = await engine.video(uid)
    // Nothing smaller is to be made of 180 lines, so it is complete as well.
    expect(video).toMatchObject({
      state: 'ready',
      pctComplete: 100,
      durationSeconds: 3,
      displaySize: { width: 320, height: 180 },
    })
    expect((await engine.plan(uid)).complete).toBe(true)
    expect(await engine.encode()).toEqual([])
    expect((await listEvents(engine.db, uid)).map(({ kind }) => kind)).toEqual([
      'created',
      'inprogress',
      'planned',
      'ready',
      'complete',
    ])
  })

  test('tells why something is encoded', async () => {
    const uid = await engine.addSource(
      await makeSource(
        join(folder, 'hevc.mp4'),
        '-f lavfi -i testsrc2=d=1 -c:v libx265 -x265-params log-level=0',
      ),
    )
    await engine.ingest(uid)
    expect(await engine.video(uid)).toMatchObject({ state: 'inprogress', step: 'encoding', pctComplete: 0 })
    const planned = (await listEvents(engine.db, uid)).find(({ kind }) => kind === 'planned')
    expect(planned?.detail).toMatchObject({
      picture: 'hevc',
      passthrough: false,
      notes: [expect.stringContaining('hevc')],
    })
    await engine.encode()
  })

  test('of a deleted video does nothing', async () => {
    const uid = await engine.addSource(plain)
    await engine.db.deleteFrom('videos').where('uid', '=', uid).execute()
    await engine.ingest(uid)
    expect(await engine.claim('ingest')).toBeUndefined()
  })

  test('that is claimed twice is done once', async () => {
    const uid = await engine.addSource(plain)
    const first = await engine.claim('ingest')
    await engine.db.updateTable('jobs').set({ lease_until_us: 0 }).where('video_uid', '=', uid).execute()
    const second = await engine.claim('ingest')
    if (!first || !second) throw new Error('the job was not claimed twice')
    await engine.run(second)
    await engine.run(first).catch((error: unknown) => expect(error).toMatchObject({ code: 'lease_lost' }))
    expect((await engine.video(uid)).state).toBe('ready')
    expect(
      await engine.db.selectFrom('plans').selectAll().where('video_uid', '=', uid).execute(),
    ).toHaveLength(1)
  })
})

async function blobsOf(uid: string): Promise<string[]> {
  const names: string[] = []
  for (const prefix of [`sources/${uid}`, `remuxes/${uid}/`, `indexes/${uid}/`]) {
    for await (const { name } of engine.blobs.list(prefix)) names.push(name)
  }
  return names
}

function noise(length: number): Buffer {
  let state = 42
  return Buffer.from(
    Array.from({ length }, () => {
      state = (state * 48_271) % 2_147_483_647
      return state & 255
    }),
  )
}

/** `ftyp`, and a `moov` that claims 64 GiB. */
function hugeIndex(): Buffer {
  const head = Buffer.alloc(36)
  head.writeUInt32BE(20, 0)
  head.write('ftypisom', 4)
  head.write('isom', 16)
  head.writeUInt32BE(1, 20)
  head.write('moov', 24)
  head.writeBigUInt64BE(64n << 30n, 28)
  return Buffer.concat([head, Buffer.alloc(2000)])
}
