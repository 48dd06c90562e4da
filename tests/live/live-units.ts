/** Films by ffmpeg as the access units of a broadcast: what a protocol's reader would give. */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import type { MovieTrack } from '../../src/media/isobmff/movie.ts'
import { scaleTicks } from '../../src/lib/ticks.ts'
import {
  type AccessUnit,
  LIVE_TIMESCALE,
  type SoundFormat,
  type VideoFormat,
} from '../../src/media/live/units.ts'

/** A film, unit by unit in the order in which it would be sent. */
export type LiveFilm = {
  readonly video: VideoFormat | null
  readonly audio: SoundFormat | null
  readonly units: readonly AccessUnit[]
}

/** What ffmpeg is told between its name and the output file; small pictures by default. */
export type FilmRecipe = {
  readonly seconds: number
  readonly rate?: number
  readonly size?: string
  readonly picture?: readonly string[] | null
  readonly sound?: readonly string[] | null
}

/** Makes an MP4 of a test pattern and a tone. */
export async function makeFilm(file: string, recipe: FilmRecipe): Promise<void> {
  const { seconds, rate = 25, size = '320x180' } = recipe
  const picture = recipe.picture === null ? null : (recipe.picture ?? ['-g', '50', '-bf', '2'])
  const sound = recipe.sound === null ? null : (recipe.sound ?? ['-ac', '2', '-b:a', '64k'])
  await promisify(execFile)('ffmpeg', [
    '-v',
    'error',
    '-y',
    ...(picture === null
      ? []
      : ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`]),
    ...(sound === null
      ? []
      : ['-f', 'lavfi', '-i', `sine=frequency=440:sample_rate=48000:duration=${seconds}`]),
    ...(picture === null
      ? []
      : ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-sc_threshold', '0', ...picture]),
    ...(sound === null ? [] : ['-c:a', 'aac', ...sound]),
    file,
  ])
}

/** The units of an MP4 with H.264 and AAC, those of both tracks in the order of their times, from 0 on. */
export async function readFilm(file: string): Promise<LiveFilm> {
  const bytes = await readFile(file)
  const movie = await readMovie({
    sizeBytes: bytes.byteLength,
    read: async (target, position) => bytes.copy(target, 0, position, position + target.byteLength),
  })
  const pictures = movie.tracks.find(({ kind }) => kind === 'video')
  const sounds = movie.tracks.find(({ kind }) => kind === 'audio')
  const units = [pictures, sounds].flatMap((track) => (track === undefined ? [] : unitsOf(track, bytes)))
  const first = units.reduce((least, { dts }) => Math.min(least, dts), 0)
  return {
    video: pictures === undefined ? null : videoFormat(pictures),
    audio: sounds === undefined ? null : soundFormat(sounds),
    units: later(units, -first).toSorted((a, b) => a.dts - b.dts),
  }
}

/** The same film again, `ticks` later. */
export function later(units: readonly AccessUnit[], ticks: number): AccessUnit[] {
  return units.map((unit) => ({ ...unit, dts: unit.dts + ticks, pts: unit.pts + ticks }))
}

function unitsOf({ kind, timescale, samples, edits }: MovieTrack, bytes: Buffer): AccessUnit[] {
  const ticks = (time: number) => scaleTicks(time, LIVE_TIMESCALE, timescale)
  // Encoders put their delay before what is heard; who publishes does not send an edit list.
  const begin = kind === 'audio' ? (edits[0]?.mediaTime ?? 0) : 0
  return Array.from({ length: samples.count }, (_, index) => {
    const offset = samples.offsets[index] ?? 0
    const dts = (samples.decodeTimes[index] ?? 0) - begin
    return {
      kind: kind === 'video' ? ('video' as const) : ('audio' as const),
      dts: ticks(dts),
      pts: ticks(dts + (samples.compositionOffsets[index] ?? 0)),
      isSync: kind === 'audio' || samples.sync[index] === 1,
      data: bytes.subarray(offset, offset + (samples.sizes[index] ?? 0)),
    }
  })
}

function videoFormat({ entries: [entry] }: MovieTrack): VideoFormat {
  const { config, video } = entry ?? {}
  if (!config || !video) throw new Error('The film has no H.264.')
  return { kind: 'video', codec: 'avc', config, width: video.width, height: video.height }
}

function soundFormat({ entries: [entry] }: MovieTrack): SoundFormat {
  const { config, audio } = entry ?? {}
  if (!config || !audio) throw new Error('The film has no AAC.')
  return { kind: 'audio', codec: 'aac', config, sampleRate: audio.sampleRate, channels: audio.channels }
}
