/**
 * Kinds of sources → state, plan, and what comes out: every picture at its time, nothing slipped, sound on its grid.
 * Pictures are compared with the source one by one: a slip of a single one drops the PSNR far below the limit.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { planDurationSeconds } from '../../src/core/planning/index.ts'
import { type Engine, makeSource, startEngine } from './engine.ts'
import { picturePsnr, probe, shownTimes, writeRendition } from './rendition.ts'

/** Six seconds: two segments, in two chunks. */
const PICTURE = '-f lavfi -i testsrc2=s=320x180:r=25:d=6'
const SOUND = '-f lavfi -i sine=f=440:r=48000:d=6'
/** Light enough to stay as the top rung. */
const X264 = '-c:v libx264 -preset veryfast -crf 32 -g 50 -bf 2'
/** Encoders at these settings reach 33 dB and more on the pattern; a slipped picture stays below 28. */
const MIN_PSNR = 30

type Kind = {
  readonly name: string
  readonly file: string
  readonly make: string
  readonly passthrough: boolean
  /** Names of the renditions. */
  readonly rungs: readonly string[]
  readonly size?: readonly [number, number]
  readonly rate?: number
  readonly frames?: number
  /** Seconds by which all pictures but the first come later: something else begins before them (rule 4). */
  readonly late?: number
  readonly sound?: 'passthrough' | 'encoded' | null
  /** How source and rendition are brought together; null = not compared. */
  readonly compare?: {
    readonly rendition?: string
    readonly path?: string
    readonly reference?: string
  } | null
}

const KINDS: readonly Kind[] = [
  {
    name: 'H.264 and AAC in MP4',
    file: 'plain.mp4',
    make: `${PICTURE} ${SOUND} ${X264} -c:a aac -ac 2`,
    passthrough: true,
    rungs: ['180p'],
    sound: 'passthrough',
  },
  {
    name: 'the same with a ladder below',
    file: 'ladder.mp4',
    make: `${PICTURE.replace('320x180', '854x480')} ${X264}`,
    passthrough: true,
    rungs: ['240p', '360p', '480p'],
    size: [854, 480],
    sound: null,
    compare: { rendition: '360p', reference: 'scale=640:360' },
  },
  {
    name: '5.1 sound',
    file: 'surround.mp4',
    make: `${PICTURE} -f lavfi -i sine=r=48000:d=6,pan=5.1|c0=c0|c1=c0 ${X264} -c:a aac`,
    passthrough: true,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'mono sound',
    file: 'mono.mp4',
    make: `${PICTURE} ${SOUND} ${X264} -c:a aac -ac 1`,
    passthrough: true,
    rungs: ['180p'],
    sound: 'passthrough',
  },
  {
    name: 'sound that begins late',
    file: 'late.mp4',
    make: `${PICTURE} -itsoffset 0.48 ${SOUND} ${X264} -c:a aac`,
    passthrough: true,
    rungs: ['180p'],
    sound: 'passthrough',
  },
  {
    name: 'sound that ends early',
    file: 'short.mkv',
    late: 0.025,
    make: `${PICTURE} -f lavfi -i sine=r=44100:d=2 ${X264} -c:a libmp3lame`,
    passthrough: true,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'fragments',
    file: 'fragmented.mp4',
    late: 0.08,
    make: `${PICTURE} ${X264} -movflags frag_keyframe+empty_moov`,
    passthrough: true,
    rungs: ['180p'],
    sound: null,
  },
  {
    name: 'MPEG-TS',
    file: 'transport.ts',
    late: 0.021,
    make: `${PICTURE} ${SOUND} ${X264} -c:a aac -ac 2`,
    passthrough: true,
    rungs: ['180p'],
    sound: 'passthrough',
  },
  {
    name: 'FLV',
    file: 'flash.flv',
    late: 0.021,
    make: `${PICTURE} ${SOUND} ${X264} -c:a aac -ac 2`,
    passthrough: true,
    rungs: ['180p'],
    sound: 'passthrough',
  },
  {
    name: 'HEVC with 10 bits',
    file: 'hevc.mp4',
    make: `${PICTURE} ${SOUND} -c:v libx265 -preset ultrafast -x265-params log-level=0 -pix_fmt yuv420p10le -c:a aac`,
    passthrough: false,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: '29.97 a second',
    file: 'broadcast.mp4',
    make: `${PICTURE.replace('r=25', 'r=30000/1001')} -c:v mpeg4 -q:v 3`,
    passthrough: false,
    rungs: ['180p'],
    rate: 30_000 / 1001,
    frames: 180,
    sound: null,
  },
  {
    name: 'VP8 and Vorbis in WebM, which no MP4 holds',
    file: 'vp8.webm',
    make: `${PICTURE} ${SOUND} -c:v libvpx -deadline realtime -cpu-used 8 -b:v 2M -c:a libvorbis`,
    passthrough: false,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'VP9 and Opus in WebM',
    file: 'vp9.webm',
    make: `${PICTURE} ${SOUND} -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 2M -c:a libopus`,
    passthrough: false,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'MPEG-4 and MP3 in AVI',
    file: 'old.avi',
    make: `${PICTURE} ${SOUND} -c:v mpeg4 -q:v 3 -c:a libmp3lame`,
    passthrough: false,
    rungs: ['180p'],
    // Its muxer leaves the second place empty, and the picture before it is shown twice.
    frames: 151,
    sound: 'encoded',
    compare: null,
  },
  {
    name: 'MPEG-2 in a program stream',
    file: 'dvd.mpg',
    make: `${PICTURE} ${SOUND} -c:v mpeg2video -q:v 3 -c:a mp2`,
    passthrough: false,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'MPEG-2 and PCM in MXF',
    file: 'broadcast.mxf',
    make: `${PICTURE} ${SOUND} -c:v mpeg2video -q:v 3 -c:a pcm_s16le`,
    passthrough: false,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'ProRes and PCM in MOV',
    file: 'edit.mov',
    make: `${PICTURE} ${SOUND} -c:v prores -profile:v 0 -c:a pcm_s16le`,
    passthrough: false,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'Windows Media',
    file: 'windows.wmv',
    make: `${PICTURE} ${SOUND} -c:v wmv2 -q:v 3 -c:a wmav2`,
    passthrough: false,
    rungs: ['180p'],
    sound: 'encoded',
  },
  {
    name: 'wide pixels',
    file: 'wide.mp4',
    make: `${PICTURE.replace('320x180', '160x180')},setsar=2/1 ${X264}`,
    passthrough: false,
    rungs: ['180p'],
    sound: null,
    compare: { reference: 'scale=320:180,setsar=1' },
  },
  {
    name: 'odd sizes and 4:4:4',
    file: 'odd.mp4',
    make: `${PICTURE},scale=321:181 -c:v libx264 -preset ultrafast -pix_fmt yuv444p`,
    passthrough: false,
    rungs: ['181p'],
    size: [322, 182],
    sound: null,
    compare: { reference: 'scale=322:182,format=yuv420p' },
  },
  {
    name: '100 a second, halved',
    file: 'fast.mp4',
    make: `${PICTURE.replace('r=25', 'r=100')} ${X264}`,
    passthrough: false,
    rungs: ['180p'],
    rate: 50,
    frames: 300,
    sound: null,
    compare: { reference: "select='not(mod(n,2))',setpts=N" },
  },
  {
    name: 'interlaced',
    file: 'fields.mp4',
    make: `${PICTURE.replace('r=25', 'r=50')},interlace ${X264} -flags +ildct+ilme`,
    passthrough: false,
    rungs: ['180p'],
    sound: null,
    compare: null,
  },
  {
    name: 'variable rate, passed through',
    file: 'variable.mp4',
    make: `${PICTURE.replace('320x180:r=25', '640x360:r=50')},select='gt(random(1),0.5)' -fps_mode vfr ${X264}`,
    passthrough: true,
    rungs: ['360p'],
    frames: -1,
    size: [640, 360],
    sound: null,
  },
]

let folder: string
let engine: Engine

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sources-'))
  engine = await startEngine()
})

afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

describe('a source of', () => {
  test.each(KINDS)('$name', async (kind) => {
    const source = await makeSource(join(folder, kind.file), kind.make)
    const uid = await engine.addSource(source)
    await engine.ingest(uid)
    await engine.encode()
    const video = await engine.video(uid)
    expect(video.error).toBeNull()
    expect(video).toMatchObject({ state: 'ready', pctComplete: 100 })
    const { plan, complete } = await engine.plan(uid)
    expect(complete).toBe(true)
    expect(plan.video.map(({ name }) => name)).toEqual(kind.rungs)
    expect(plan.video.some(({ made }) => made === 'passthrough')).toBe(kind.passthrough)
    if (kind.sound !== undefined) expect(plan.audio?.made ?? null).toBe(kind.sound)
    await checkPictures(kind, uid, source)
    if (plan.audio !== null) await checkSound(uid)
  })
})

async function checkPictures(kind: Kind, uid: string, source: string): Promise<void> {
  const { plan } = await engine.plan(uid)
  const top = kind.rungs.at(-1) ?? ''
  const written = await writeRendition(engine, uid, kind.compare?.rendition ?? top)
  const probed = await probe(written)
  const frames = kind.frames ?? 150
  if (frames > 0) expect(probed.packets).toHaveLength(frames)
  if (kind.compare?.rendition === undefined) {
    expect([probed.width, probed.height]).toEqual(kind.size ?? [320, 180])
  }
  expect(probed).toMatchObject({ codec: 'h264', pixelFormat: 'yuv420p' })
  const times = shownTimes(probed)
  expect(times[0]).toBeCloseTo(0, 5)
  if (frames > 0) {
    for (const [index, time] of times.entries()) {
      const due = index === 0 ? 0 : index / (kind.rate ?? 25) + (kind.late ?? 0)
      expect(Math.abs(time - due)).toBeLessThan(0.0011)
    }
  }
  // Every segment begins with a key frame at its cut.
  const keys = new Set(
    probed.packets.filter(({ key }) => key).map(({ seconds }) => Math.round(seconds * 1000)),
  )
  for (const cut of plan.cuts.slice(0, -1)) expect(keys).toContain(Math.round((cut / plan.timescale) * 1000))
  if (kind.compare === null) return
  const psnr = await picturePsnr(written, source, {
    path: kind.compare?.path ?? 'null',
    reference: kind.compare?.reference ?? 'null',
  })
  expect(psnr.length).toBeGreaterThanOrEqual(Math.max(frames, 30))
  expect(Math.min(...psnr)).toBeGreaterThan(MIN_PSNR)
}

async function checkSound(uid: string): Promise<void> {
  const { plan } = await engine.plan(uid)
  const probed = await probe(await writeRendition(engine, uid, 'audio'))
  expect(probed).toMatchObject({ codec: 'aac', profile: 'LC', channels: plan.audio?.channels })
  expect(probed.sampleRate).toBe(plan.audio?.sampleRate)
  // One that begins before the end of the picture is kept.
  expect(probed.packets.length).toBe(plan.audio?.frameCount)
  expect(
    Math.abs(probed.packets.length - (planDurationSeconds(plan) * probed.sampleRate) / 1024),
  ).toBeLessThan(1.5)
}

describe('a source that is turned', () => {
  test.each([
    [90, 'transpose=clock', [180, 320]],
    [180, 'hflip,vflip', [320, 180]],
    [270, 'transpose=cclock', [180, 320]],
  ] as const)('by %d degrees is shown upright', async (turn, upright, size) => {
    const plain = await makeSource(join(folder, 'upright.mp4'), `${PICTURE} ${X264} -t 2`)
    const turned = join(folder, `turned-${turn}.mp4`)
    await writeFile(turned, turnedBy(await readFile(plain), turn))
    const uid = await engine.addSource(turned)
    await engine.ingest(uid)
    await engine.encode()
    const video = await engine.video(uid)
    expect(video.displaySize).toEqual({ width: size[0], height: size[1] })
    const { plan } = await engine.plan(uid)
    expect(plan.video.map(({ made }) => made)).toEqual(['low'])
    const written = await writeRendition(engine, uid, plan.video[0]?.name ?? '')
    expect(
      Math.min(...(await picturePsnr(written, plain, { path: 'null', reference: upright }))),
    ).toBeGreaterThan(MIN_PSNR)
  })
})

/** Writes the matrix of a clockwise turn into the track header (ISO/IEC 14496-12 §8.3.2). */
function turnedBy(file: Buffer, turn: 90 | 180 | 270): Buffer {
  const at = file.indexOf('tkhd') + 4 + 40
  const one = 65_536
  const [a, b, c, d] = { 90: [0, one, -one, 0], 180: [-one, 0, 0, -one], 270: [0, -one, one, 0] }[turn]
  const bytes = Buffer.from(file)
  for (const [place, value] of [
    [0, a],
    [4, b],
    [12, c],
    [16, d],
  ] as const) {
    bytes.writeInt32BE(value ?? 0, at + place)
  }
  return bytes
}
