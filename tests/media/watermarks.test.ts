/**
 * Watermarks, measured in decoded pixels (spec/media.md §4): where they lie, how large and how opaque they are, in every
 * rendition, thumbnail and download. The image is red, the film grey; what is found is held against the rule by hand.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClip } from '../../src/core/clips/index.ts'
import { createDownload, getDownloads } from '../../src/core/downloads/index.ts'
import { createEarly } from '../../src/core/early/index.ts'
import { requestSegment } from '../../src/core/encoding/index.ts'
import { markFiles } from '../../src/core/encoding/mark-args.ts'
import { buildPictureArgs } from '../../src/core/encoding/picture-args.ts'
import { createPlayback } from '../../src/core/playback/index.ts'
import { createThumbnails, parseAnimationQuery, parsePictureQuery } from '../../src/core/thumbnails/index.ts'
import { type PlacementRequest, type Watermark, WatermarkMaker } from '../../src/core/watermarks/index.ts'
import { makePng, type Rgba } from '../harness/png.ts'
import { ACCOUNT, type Engine, makeSource, startEngine } from './engine.ts'
import {
  COLOUR,
  EDGE,
  expectBox,
  expectColour,
  firstPicture,
  middle,
  packetTimes,
  picturesOf,
  pixel,
  redBox,
} from './marked-pictures.ts'
import { writeRendition } from './rendition.ts'

const RED: Rgba = [255, 0, 0, 255]
let folder: string
let engine: Engine
/** 320×180, grey, H.264: would be passed through. */
let small: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watermarks-'))
  engine = await startEngine()
  small = await film('small.mp4', '320x180', 2)
})

afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

const film = (name: string, size: string, seconds: number, filters = '') =>
  makeSource(
    join(folder, name),
    `-f lavfi -i color=c=0x808080:s=${size}:r=5:d=${seconds}${filters} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -movflags faststart`,
  )

async function mark(placement: PlacementRequest, image = makePng(80, 40, () => RED)): Promise<Watermark> {
  const signal = new AbortController().signal
  return await new WatermarkMaker(engine).create({ accountId: ACCOUNT, placement, image, signal })
}

/** A video of the film, its job of ingest run. */
async function ingest(source: string, watermark: Watermark): Promise<string> {
  const uid = await engine.addSource(source, { watermark })
  await engine.ingest(uid)
  return uid
}

async function encode(source: string, watermark: Watermark): Promise<string> {
  const uid = await ingest(source, watermark)
  await engine.encode()
  return uid
}

describe('in 320×180', () => {
  // 80×40 fitted into a quarter of 320×180 is 80×40; padding 0.1 is 32 and 18.
  test.each([
    ['upperLeft', [32, 18, 112, 58]],
    ['upperRight', [208, 18, 288, 58]],
    ['lowerLeft', [32, 122, 112, 162]],
    ['lowerRight', [208, 122, 288, 162]],
    ['center', [120, 70, 200, 110]],
  ])('%s lies there', async (position, box) => {
    const uid = await encode(small, await mark({ position, scale: 0.25, padding: 0.1 }))
    const picture = await firstPicture(await writeRendition(engine, uid, '180p'))
    expectBox(redBox(picture), box)
    expectColour(pixel(picture, ...middle(redBox(picture))), [255, 0, 0])
    expectColour(pixel(picture, 160, 4), [128, 128, 128])
  })

  test('the defaults are a seventh of the width, a twentieth from the upper right', async () => {
    const uid = await encode(small, await mark({}))
    // 0.15 × 320 = 48 wide, 24 high; 16 and 9 from the edges.
    expectBox(redBox(await firstPicture(await writeRendition(engine, uid, '180p'))), [256, 9, 304, 33])
  })

  test('scale 1 fills as much as its shape can, and no padding moves it beyond the picture', async () => {
    const uid = await encode(small, await mark({ scale: 1, padding: 1, position: 'upperLeft' }))
    // 80×40 at 320 wide is 160 high, and can move down by 20.
    expectBox(redBox(await firstPicture(await writeRendition(engine, uid, '180p'))), [0, 20, 320, 180])
  })

  test('half opaque is half of each, and what is clear in the image stays clear', async () => {
    // The clear half is green, which nobody may see, not even at the edge.
    const half = makePng(80, 40, (x) => (x < 40 ? [0, 255, 0, 0] : RED))
    const placement = { opacity: 0.5, scale: 0.25, padding: 0, position: 'lowerLeft' }
    const uid = await encode(small, await mark(placement, half))
    const picture = await firstPicture(await writeRendition(engine, uid, '180p'))
    expectBox(redBox(picture), [40, 140, 80, 180])
    expectColour(pixel(picture, 60, 160), [191, 64, 64])
    for (let x = 0; x < 80; x += 1) {
      const [red = 0, green = 0] = pixel(picture, x, 160)
      expect(green - red).toBeLessThanOrEqual(COLOUR)
    }
  })

  test('red is red as well in a small film that says it is BT.709, with an index and without', async () => {
    const colours = '-colorspace bt709 -color_primaries bt709 -color_trc bt709'
    const indexed = await makeSource(join(folder, 'bt709.mp4'), `-i ${small} -c:v libx264 ${colours}`)
    const listed = await makeSource(join(folder, 'bt709.ts'), `-i ${small} -c:v mpeg2video ${colours}`)
    for (const source of [indexed, listed]) {
      const uid = await encode(source, await mark({ scale: 0.5 }))
      const picture = await firstPicture(await writeRendition(engine, uid, '180p'))
      expectColour(pixel(picture, ...middle(redBox(picture))), [255, 0, 0])
    }
  })

  test('nothing of it is seen where it is not opaque at all, and the picture is encoded all the same', async () => {
    const uid = await encode(small, await mark({ opacity: 0 }))
    const picture = await firstPicture(await writeRendition(engine, uid, '180p'))
    expect(redBox(picture, 10)).toEqual([320, 180, 0, 0])
    expect((await engine.plan(uid)).plan.video.map(({ made }) => made)).toEqual(['low'])
  })
})

describe('every rendition', () => {
  let uid: string
  beforeAll(async () => {
    // Its own pixels in 1080p: 270×135 there, so a share of 0.25 of the height everywhere.
    const image = makePng(270, 135, () => RED)
    uid = await encode(
      await film('large.mp4', '1920x1080', 2),
      await mark({ scale: 0, padding: 0.1, position: 'lowerRight' }, image),
    )
  })

  test('has the mark of scale 0 at the same share, in the right colour', async () => {
    const { plan } = await engine.plan(uid)
    expect(plan.video.map(({ name, made }) => [name, made])).toEqual([
      ['240p', 'ladder'],
      ['360p', 'low'],
      ['480p', 'ladder'],
      ['720p', 'ladder'],
      ['1080p', 'ladder'],
    ])
    for (const { name, width, height } of plan.video) {
      const pictures = await picturesOf(await writeRendition(engine, uid, name))
      expect(pictures).toHaveLength(10)
      for (const picture of [pictures[0], pictures.at(-1)]) {
        if (picture === undefined) throw new Error('no picture')
        const right = width * 0.9
        const bottom = height * 0.9
        const box = [right - height / 4, bottom - height / 8, right, bottom]
        expectBox(redBox(picture), box, EDGE + 1)
        expectColour(pixel(picture, ...middle(redBox(picture))), [255, 0, 0])
      }
    }
  })

  test('is where thumbnails and files come from', async () => {
    const thumbnails = createThumbnails({ ...engine, playback: playbackOf(engine) })
    const playable = await playableOf(engine, uid)
    const still = await thumbnails.picture(playable, parsePictureQuery(new URLSearchParams('width=640')))
    const animation = await thumbnails.animation(
      playable,
      parseAnimationQuery(new URLSearchParams('width=320&duration=1s&fps=2')),
    )
    await createDownload(engine, { accountId: ACCOUNT, uid, type: 'default' })
    const job = await engine.claim('build-download')
    if (job === undefined) throw new Error('no job')
    await engine.run(job)
    const [download] = await getDownloads(engine.db, { accountId: ACCOUNT, uid })
    const file = await readBlob(download?.blob?.name ?? '')
    for (const [name, bytes] of [
      ['still.jpg', still],
      ['animation.gif', animation],
      ['file.mp4', file],
    ] as const) {
      const path = join(folder, name)
      await writeFile(path, bytes)
      for (const picture of (await picturesOf(path)).filter(
        (_, index, all) => index === 0 || index === all.length - 1,
      )) {
        const { width, height } = picture
        const [right, bottom] = [width * 0.9, height * 0.9]
        expectBox(redBox(picture), [right - height / 4, bottom - height / 8, right, bottom], EDGE + 1)
      }
    }
  })
})

describe('chunks', () => {
  let long: string
  beforeAll(async () => {
    long = await film('long.mp4', '320x180', 13)
  })

  /** Every picture has the mark of the first, and is no other than it beyond what an encoder changes. */
  async function expectAllAlike(uid: string, count: number): Promise<void> {
    const pictures = await picturesOf(await writeRendition(engine, uid, '180p'))
    expect(pictures).toHaveLength(count)
    const [first] = pictures
    if (first === undefined) throw new Error('no picture')
    expectBox(redBox(first), [208, 18, 288, 58])
    for (const picture of pictures) {
      expect(redBox(picture)).toEqual(redBox(first))
      let most = 0
      for (let at = 0; at < first.rgb.length; at += 1) {
        most = Math.max(most, Math.abs((picture.rgb[at] ?? 0) - (first.rgb[at] ?? 0)))
      }
      expect(most).toBeLessThanOrEqual(COLOUR)
    }
  }

  test('have the same mark, also where a viewer waited for a segment, and so does a clip of them', async () => {
    const uid = await ingest(long, await mark({ scale: 0.25, padding: 0.1 }))
    const { plan } = await engine.plan(uid)
    expect(plan.videoChunks).toEqual([
      { firstSegment: 0, endSegment: 1 },
      { firstSegment: 1, endSegment: 4 },
    ])
    const rendition = plan.video[0]?.id ?? ''
    await requestSegment(engine, { uid, renditionId: rendition, segment: 3 })
    await run('urgent')
    await engine.encode()
    expect(await firstSegments(uid)).toEqual([0, 1, 3])
    await expectAllAlike(uid, 65)

    const range = { startSeconds: 2, endSeconds: 11 }
    const clip = await createClip(engine, { accountId: ACCOUNT, sourceUid: uid, ...range, fields: {} })
    await run('clip')
    await engine.encode()
    expect((await engine.plan(clip.uid)).complete).toBe(true)
    await expectAllAlike(clip.uid, 45)
    // The profile of neither is needed: the clip keeps the image as the source did.
    expect((await engine.video(clip.uid)).watermark).toEqual((await engine.video(uid)).watermark)
  })

  async function run(kind: string): Promise<void> {
    const job = await engine.claim(kind)
    if (job === undefined) throw new Error(`no job ${kind}`)
    await engine.run(job)
  }

  async function firstSegments(uid: string): Promise<number[]> {
    const chunks = await engine.db
      .selectFrom('chunks')
      .select('first_segment')
      .where('video_uid', '=', uid)
      .execute()
    return chunks.map((chunk) => chunk.first_segment).toSorted((one, other) => one - other)
  }
})

describe('pictures at the times of their source', () => {
  test.each([90_000, 10_000_000])('keep them to the tick of %d a second', async (timescale) => {
    const source = await makeSource(
      join(folder, `times-${timescale}.mp4`),
      `-f lavfi -i color=c=gray:s=320x180:r=30000/1001:d=2,select=mod(n+1\\,7) -fps_mode passthrough -c:v libx264 -preset ultrafast -bf 2 -video_track_timescale ${timescale}`,
    )
    const draft = await engine.blobs.createDraft()
    await draft.append([await readFile(source)])
    const { name } = await draft.publish(`sources/${engine.clock.newUid()}`)
    const placed = await mark({})
    const frames = await packetTimes(source)
    const rendition = {
      id: 'out',
      made: 'ladder',
      width: 320,
      height: 180,
      codec: 'avc1.4d401e',
      bitrateBps: 500_000,
      peakBps: 500_000,
      name: '180p',
      editStartTicks: 0,
      kept: true,
    } as const
    const picture = {
      track: 0,
      codec: 'h264',
      codedWidth: 320,
      codedHeight: 180,
      rotation: 0,
      pixelAspect: { num: 1, den: 1 },
      displayWidth: 320,
      displayHeight: 180,
      transfer: 'sdr',
      bitDepth: 8,
    } as const
    const run = await engine.decoder.run(
      {
        label: 'marked',
        input: { from: 'blob', name },
        ...markFiles(placed),
        args: buildPictureArgs({
          input: { demuxer: 'mov', stream: 0, seekSeconds: null },
          picture,
          mark: placed,
          frames: { kind: 'source', timescale },
          frameCount: frames.length,
          keyFrames: [0],
          renditions: [rendition],
          quality: 'standard',
          filters: engine.decoder.build.filters,
          threads: 1,
        }),
        outputs: ['out.mp4'],
        limits: { wallMs: 60_000, cpuSeconds: 60, outputBytes: 1e7, memoryBytes: 4e9 },
        nice: 0,
      },
      { signal: new AbortController().signal },
    )
    const file = run.files.get('out.mp4')
    const bytes = new Uint8Array(file?.sizeBytes ?? 0)
    await file?.read(bytes, 0)
    await run.release()
    const made = join(folder, `made-${timescale}.mp4`)
    await writeFile(made, bytes)
    expect(frames.length).toBeGreaterThan(40)
    expect(await packetTimes(made)).toEqual(frames)
    expectBox(redBox(await firstPicture(made)), [256, 9, 304, 33])
  })
})

describe('of sources that are not shown as they are stored', () => {
  test('turned: the mark stands upright, at the corner that is seen', async () => {
    const turned = await makeSource(join(folder, 'turned.mp4'), `-i ${small} -c copy -metadata:s:v rotate=90`)
    const uid = await encode(turned, await mark({ scale: 0.5, padding: 0, position: 'upperLeft' }))
    const picture = await firstPicture(await writeRendition(engine, uid, '180p'))
    expect([picture.width, picture.height]).toEqual([180, 320])
    expectBox(redBox(picture), [0, 0, 90, 45])
  })

  test('of wide pixels: the mark keeps its shape', async () => {
    const wide = await film('wide.mp4', '160x180', 2, ',setsar=2/1')
    const uid = await encode(wide, await mark({ scale: 0.5, padding: 0, position: 'upperLeft' }))
    const picture = await firstPicture(await writeRendition(engine, uid, '180p'))
    expect([picture.width, picture.height]).toEqual([320, 180])
    expectBox(redBox(picture), [0, 0, 160, 80])
  })

  test('without an index: the decoder reads the file, and the mark beside it', async () => {
    const source = await makeSource(join(folder, 'film.avi'), `-i ${small} -c:v mpeg4 -q:v 3`)
    const uid = await encode(source, await mark({ scale: 0.25, padding: 0.1, position: 'center' }))
    expectBox(redBox(await firstPicture(await writeRendition(engine, uid, '180p'))), [120, 70, 200, 110])
  })
})

describe('without the mark', () => {
  test('nothing is played: neither the source, nor before it is whole', async () => {
    const uid = await ingest(small, await mark({}))
    const { plan } = await engine.plan(uid)
    expect(plan.video.map(({ made }) => made)).not.toContain('passthrough')
    expect((await engine.video(uid)).state).toBe('inprogress')
    await expect(playableOf(engine, uid)).rejects.toMatchObject({ code: 'video_not_playable_yet' })
    await engine.encode()
    expect((await engine.video(uid)).state).toBe('ready')
  })
})

function playbackOf(on: Engine) {
  return createPlayback({
    ...on,
    early: createEarly({
      ...on,
      receiving: new Set(),
      settings: { ...on.settings, decoder: on.decoder.build.id },
    }),
    requestSegment: () => Promise.resolve(),
  })
}

async function playableOf(on: Engine, uid: string) {
  const viewer = { address: undefined, country: undefined }
  return await playbackOf(on).playables.find({ id: uid, viewer })
}

async function readBlob(name: string): Promise<Uint8Array> {
  const reader = await engine.blobs.open(name)
  try {
    const bytes = new Uint8Array(reader.sizeBytes)
    await reader.read(bytes, 0)
    return bytes
  } finally {
    await reader.close()
  }
}
