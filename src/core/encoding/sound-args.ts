/** Argument list of one chunk of sound, on the AAC frame grid, with frames before it that are dropped. Pure. */

import type { AudioRendition } from '../planning/index.ts'

/** Samples in an AAC frame. */
const FRAME = 1024
/** Frames encoded before the chunk so that its first one has a past; inaudible seams with three (measured). */
const PRE_ROLL_FRAMES = 3
/** The encoder's own delay: its first frame holds nothing. */
const PRIMING_FRAMES = 1
/** Name of the output. */
export const SOUND_OUTPUT = 'sound.mp4'

export type SoundInput = {
  readonly demuxer: string
  /** Number among the sound streams. */
  readonly stream: number
  /** In the file's own time; null = from the start (also of a slice). */
  readonly seekSeconds: number | null
  /** Whether times are counted from where the file begins, as of a file that is to begin with the video. Default false. */
  readonly fromStart?: boolean
}

/** Frames `[firstFrame, endFrame)` of the rendition. */
export type SoundRun = {
  readonly input: SoundInput
  readonly rendition: AudioRendition
  readonly firstFrame: number
  readonly endFrame: number
  /** Where the rendition's frame 0 begins in the decoder's time, microseconds. */
  readonly originUs: number
}

/** Frames before the chunk that are encoded with it. */
export function preRollFrames(firstFrame: number): number {
  return Math.min(PRE_ROLL_FRAMES, firstFrame)
}

/** How many frames of the output come before the chunk's first. */
export function framesToDrop(firstFrame: number): number {
  return preRollFrames(firstFrame) + PRIMING_FRAMES
}

/** Everything but the common guards. */
export function buildSoundArgs(run: SoundRun): string[] {
  const { input, rendition } = run
  return [
    // True times: silence is filled and sound is cut by them. Without it the file's first moment is 0.
    ...(input.fromStart === true ? [] : ['-copyts']),
    '-f',
    input.demuxer,
    ...(input.seekSeconds === null
      ? []
      : ['-seek_timestamp', '1', '-noaccurate_seek', '-ss', input.seekSeconds.toFixed(6)]),
    '-i',
    '{input}',
    '-map',
    `0:a:${input.stream}`,
    '-af',
    buildGraph(run),
    '-c:a',
    'aac',
    '-profile:a',
    'aac_low',
    '-b:a',
    String(rendition.bitrateBps),
    '-ar',
    String(rendition.sampleRate),
    '-ac',
    String(rendition.channels),
    '-vn',
    '-sn',
    '-dn',
    '-map_metadata',
    '-1',
    '-map_chapters',
    '-1',
    '-f',
    'mp4',
    SOUND_OUTPUT,
  ]
}

function buildGraph({ rendition, firstFrame, endFrame, originUs }: SoundRun): string {
  const preRoll = preRollFrames(firstFrame)
  const startUs = originUs + Math.round(((firstFrame - preRoll) * FRAME * 1e6) / rendition.sampleRate)
  // One frame more than needed: an AAC frame overlaps the next one.
  const samples = (endFrame - firstFrame + preRoll + 1) * FRAME
  const layout = rendition.channels === 1 ? 'mono' : 'stereo'
  return [
    // Microseconds, so that moving the chunk's start to 0 is exact to a twentieth of a sample.
    'asettb=1/1000000',
    `asetpts=PTS-(${startUs})`,
    // Begins exactly at 0, cutting or filling with silence. Holes are filled from 10 ms on: by default only those over
    // 100 ms are, while containers that count milliseconds are off by one or two all the time.
    `aresample=${rendition.sampleRate}:async=1:min_hard_comp=0.01:first_pts=0`,
    `aformat=sample_fmts=fltp:channel_layouts=${layout}`,
    // Silence to the end of the picture.
    'apad',
    `atrim=end_sample=${samples}`,
    // Counted from 0 whatever came before.
    'asetpts=N/SR/TB',
  ].join(',')
}
