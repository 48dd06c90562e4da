/** Short films as a publisher would send them, made by the real ffmpeg: units in order of their times. */

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import {
  type AccessUnit,
  LIVE_TIMESCALE,
  type LiveFormat,
  type SoundFormat,
  type VideoFormat,
} from '../../src/media/live/units.ts'
import type { FeedListener } from '../../src/live-ports.ts'
import { bytesSource } from '../media-samples.ts'

const execute = promisify(execFile)

/** Black, with a second of noise-free white and a tone together: both begin here, seconds. */
export const FLASH_SECONDS = 1.2
const FLASH_END_SECONDS = 1.8

export type Film = {
  readonly formats: readonly LiveFormat[]
  /** Pictures and sounds by decode time. */
  readonly units: readonly AccessUnit[]
}

/** 25 pictures a second, key frames every second unless told otherwise; a flash and a beep together at `FLASH_SECONDS`. */
export async function makeFilm(options: {
  picture?: 'avc' | 'vp8'
  sound?: SoundFormat['codec']
  seconds: number
  /** H.264 with pictures that are shown later than decoded. */
  reordered?: boolean
  /** Seconds between key frames of H.264; default 1. */
  gopSeconds?: number
  /** Default 320x180. */
  size?: string
}): Promise<Film> {
  const folder = await mkdtemp(join(tmpdir(), 'live-film-'))
  try {
    const formats: LiveFormat[] = []
    const units: AccessUnit[] = []
    if (options.picture !== undefined) {
      const track = await (options.picture === 'vp8' ? vp8Track : avcTrack)(folder, options)
      formats.push(track.format)
      units.push(...track.units)
    }
    if (options.sound !== undefined) {
      const track = await soundTrack(folder, options.sound, options.seconds)
      formats.push(track.format)
      units.push(...track.units)
    }
    return { formats, units: units.sort((one, other) => one.dts - other.dts) }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Tells a listener all of a film; times are moved by `from` ticks. */
export function tellFilm(
  listener: Pick<FeedListener, 'format' | 'unit'>,
  { formats, units }: Film,
  from = 0,
): void {
  for (const format of formats) listener.format(format)
  for (const unit of units) listener.unit({ ...unit, dts: unit.dts + from, pts: unit.pts + from })
}

type FilmTrack = { readonly format: LiveFormat; readonly units: readonly AccessUnit[] }

const during = `between(t,${FLASH_SECONDS},${FLASH_END_SECONDS})`

function pictures({ seconds, size = '320x180' }: { seconds: number; size?: string }): string[] {
  // A counter in one corner, so that no two pictures are the same; white all over while it flashes.
  return [
    '-f',
    'lavfi',
    '-i',
    `testsrc2=s=${size}:r=25:d=${seconds},drawbox=enable='not(${during})':c=black:t=fill:y=60,drawbox=enable='${during}':c=white:t=fill`,
    '-pix_fmt',
    'yuv420p',
  ]
}

async function avcTrack(
  folder: string,
  options: { seconds: number; reordered?: boolean; gopSeconds?: number; size?: string },
): Promise<FilmTrack> {
  const path = join(folder, 'picture.mp4')
  const gop = 25 * (options.gopSeconds ?? 1)
  const params = `keyint=${gop}:min-keyint=${gop}:scenecut=0:open-gop=0:bframes=${options.reordered ? 2 : 0}:b-adapt=0`
  const encoder = ['-c:v', 'libx264', '-preset', 'ultrafast', '-x264-params', params]
  await ffmpeg([...pictures(options), ...encoder, path])
  const { entry, units } = await readTrack(path)
  const video = entry.video ?? { width: 0, height: 0 }
  const config = entry.config ?? new Uint8Array(0)
  const format: VideoFormat = {
    kind: 'video',
    codec: 'avc',
    config,
    width: video.width,
    height: video.height,
  }
  return { format, units: units.map((unit) => ({ ...unit, kind: 'video' })) }
}

async function soundTrack(folder: string, codec: SoundFormat['codec'], seconds: number): Promise<FilmTrack> {
  const path = join(folder, 'sound.mp4')
  const tone = `0.5*sin(2*PI*1000*t)*${during}`
  const encoder = ['-c:a', codec === 'aac' ? 'aac' : 'libopus', '-b:a', '96k']
  await ffmpeg([
    '-f',
    'lavfi',
    '-i',
    `aevalsrc=exprs='${tone}|${tone}':s=48000:d=${seconds}`,
    ...encoder,
    path,
  ])
  const { entry, units } = await readTrack(path)
  const config = codec === 'aac' ? (entry.config ?? new Uint8Array(0)) : new Uint8Array(0)
  const format: SoundFormat = { kind: 'audio', codec, config, sampleRate: 48_000, channels: 2 }
  return { format, units: units.map((unit) => ({ ...unit, kind: 'audio', isSync: true })) }
}

/** Times as a publisher gives them: what an encoder puts before the first sample lies before 0 in the file's edit list. */
async function readTrack(path: string) {
  const movie = await readMovie(bytesSource(await readFile(path)))
  const [track] = movie.tracks
  const [entry] = track?.entries ?? []
  if (track === undefined || entry === undefined) throw new Error(`${path} has no track.`)
  const { samples, timescale, edits } = track
  const bytes = await readFile(path)
  const ticks = (time: number): number => Math.round((time * LIVE_TIMESCALE) / timescale)
  const start = edits.find(({ mediaTime }) => mediaTime >= 0)?.mediaTime ?? 0
  const units = Array.from({ length: samples.count }, (_, index) => {
    const decodeTime = (samples.decodeTimes[index] ?? 0) - start
    const offset = samples.offsets[index] ?? 0
    return {
      dts: ticks(decodeTime),
      pts: ticks(decodeTime + (samples.compositionOffsets[index] ?? 0)),
      isSync: samples.sync[index] === 1,
      data: new Uint8Array(bytes.subarray(offset, offset + (samples.sizes[index] ?? 0))),
    }
  })
  return { entry, units }
}

/** IVF: a head of 32 bytes, and before each frame its size (32 bits) and time (64 bits), little endian. */
async function vp8Track(folder: string, options: { seconds: number }): Promise<FilmTrack> {
  const path = join(folder, 'picture.ivf')
  await ffmpeg([...pictures(options), ...'-c:v libvpx -deadline realtime -g 25 -b:v 500k'.split(' '), path])
  const bytes = await readFile(path)
  const units: AccessUnit[] = []
  for (let at = 32; at < bytes.byteLength; ) {
    const sizeBytes = bytes.readUInt32LE(at)
    const data = new Uint8Array(bytes.subarray(at + 12, at + 12 + sizeBytes))
    const dts = (units.length * LIVE_TIMESCALE) / 25
    // RFC 6386 §9.1: the first bit of a key frame is 0.
    units.push({ kind: 'video', dts, pts: dts, isSync: ((data[0] ?? 1) & 1) === 0, data })
    at += 12 + sizeBytes
  }
  const config = new Uint8Array(0)
  return { format: { kind: 'video', codec: 'vp8', config, width: 320, height: 180 }, units }
}

async function ffmpeg(args: readonly string[]): Promise<void> {
  await execute('ffmpeg', ['-v', 'error', '-y', ...args])
}
