/**
 * Twenty good files of all containers that are accepted and can be written here (for LXF there is no muxer), so small
 * that thousands of damaged copies of them can go through a real server. The same ffmpeg makes the same bytes.
 */

import { readFile } from 'node:fs/promises'
import { customSample } from '../harness/samples.ts'
import type { Structure } from './media-units.ts'

/** A good file, and what its parts are. */
export type MediaSource = {
  /** As it would be uploaded. */
  readonly name: string
  readonly structure: Structure
  readonly bytes: Uint8Array
}

const words = (text: string): readonly string[] => text.split(' ')

const picture = (seconds: number, rate = 12) => words(`-f lavfi -i testsrc2=s=64x48:r=${rate}:d=${seconds}`)
const tone = (seconds: number, rate = 44_100) => words(`-f lavfi -i sine=f=440:r=${rate}:d=${seconds}`)
const BOTH = [...picture(1.5), ...tone(1.5)]
/** Two keyframes and pictures out of order. */
const H264 = words('-c:v libx264 -preset ultrafast -threads 1 -g 6 -bf 2 -pix_fmt yuv420p')
const AAC = words('-c:a aac -b:a 32k -ac 1')
const COMMON = [...BOTH, ...H264, ...AAC]

const RECIPES: Readonly<Record<string, readonly [Structure, ...string[]]>> = {
  'index-last.mp4': ['boxes', ...COMMON],
  'index-first.mp4': ['boxes', ...COMMON, '-movflags', '+faststart'],
  'fragmented.mp4': ['boxes', ...COMMON, '-movflags', 'frag_keyframe+empty_moov+default_base_moof'],
  'hevc.mp4': [
    'boxes',
    ...BOTH,
    ...words(
      '-c:v libx265 -preset ultrafast -tag:v hvc1 -x265-params log-level=none:pools=none:frame-threads=1',
    ),
    ...AAC,
  ],
  'aac.mov': ['boxes', ...COMMON],
  'prores.mov': [
    'boxes',
    ...picture(0.5),
    ...tone(0.5),
    ...words('-c:v prores_ks -profile:v 0 -c:a pcm_s16le'),
  ],
  'mpeg4.3gp': ['boxes', ...picture(1.5), ...words('-c:v mpeg4')],
  'h264.mkv': ['elements', ...COMMON],
  'vp9.webm': [
    'elements',
    ...BOTH,
    ...words('-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -threads 1 -c:a libopus'),
  ],
  'vp8.webm': ['elements', ...picture(1.5), ...words('-c:v libvpx -deadline realtime -threads 1')],
  'mpeg4.avi': ['chunks', ...BOTH, ...words('-c:v mpeg4 -c:a mp3')],
  'h264.flv': ['blocks', ...COMMON],
  'h264.ts': ['packets', ...COMMON],
  'h264.m2ts': ['packets', ...COMMON, ...words('-mpegts_m2ts_mode 1')],
  'mpeg2.mpg': ['blocks', ...picture(1, 25), ...tone(1), ...words('-c:v mpeg2video -c:a mp2')],
  'mpeg2.m2v': ['blocks', ...picture(1, 25), ...words('-c:v mpeg2video')],
  'mpeg2.mxf': [
    'blocks',
    ...picture(0.4, 25),
    ...tone(0.4, 48_000),
    ...words('-c:v mpeg2video -c:a pcm_s16le -shortest'),
  ],
  'mpeg2.gxf': [
    'blocks',
    ...picture(0.4, 25),
    ...words('-s 720x576 -pix_fmt yuv420p -c:v mpeg2video -b:v 100k'),
  ],
  'wmv.asf': ['blocks', ...BOTH, ...words('-c:v wmv2 -c:a wmav2')],
  'theora.ogv': ['blocks', ...BOTH, ...words('-c:v libtheora -c:a libvorbis')],
}

/** How many `makeMediaSources` makes. */
export const MEDIA_SOURCES = Object.keys(RECIPES).length

const EXACT = words('-fflags +bitexact -flags:v +bitexact -flags:a +bitexact')

/** Makes what is not there yet; always in the same order. */
export async function makeMediaSources(): Promise<readonly MediaSource[]> {
  const sources: MediaSource[] = []
  for (const [name, [structure, ...args]] of Object.entries(RECIPES)) {
    const path = await customSample(`small-${name}`, [...args, ...EXACT])
    sources.push({ name, structure, bytes: new Uint8Array(await readFile(path)) })
  }
  return sources
}
