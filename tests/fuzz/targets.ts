/**
 * What strangers' bytes reach first, for `npm test` (a second each) and `npm run fuzz` (as long as wanted): the readers of
 * `media`, playback tokens, and the guard of what is fetched.
 */

import { readFile } from 'node:fs/promises'
import { cutVideoSegment } from '../../src/media/cmaf/cut-segment.ts'
import { writeVideoInit } from '../../src/media/cmaf/write-init.ts'
import { readAudioSpecificConfig } from '../../src/media/codecs/aac.ts'
import { readAvcConfig } from '../../src/media/codecs/avc.ts'
import { codecString } from '../../src/media/codecs/codec-string.ts'
import { readHevcConfig } from '../../src/media/codecs/hevc.ts'
import { formatIndex, parseIndex } from '../../src/media/isobmff/index-format.ts'
import { allowedCuts, presentationTimes, reorderDelay } from '../../src/media/isobmff/presentation.ts'
import { readDeclaredSeconds } from '../../src/media/isobmff/read-duration.ts'
import { readMovie } from '../../src/media/isobmff/read-movie.ts'
import { avc1Entry, box, concatBytes, mp4aEntry } from '../../src/media/isobmff/write-boxes.ts'
import { SNIFF_BYTES, sniff } from '../../src/media/sniff.ts'
import { bytesSource, type Samples } from '../media-samples.ts'
import { FOUR_SAMPLES, plainMovie } from '../plain-movie.ts'
import { AAC_CONFIGS, AAC_STEREO, AVC_CONFIG, HEVC_CONFIG } from './codec-configs.ts'
import { codecTargets } from './codec-targets.ts'
import type { FuzzTarget } from './fuzz.ts'
import { guardTargets } from './guard-targets.ts'
import { recordingTarget } from './live-targets.ts'
import { pngTarget } from './png-target.ts'
import { rtmpTargets } from './rtmp-targets.ts'
import { rtcTargets } from './rtc-targets.ts'
import { steadyTarget } from './steady-target.ts'
import { transportTargets } from './transport-targets.ts'
import { unitsTarget } from './units-target.ts'
import { webvttTarget } from './webvtt-target.ts'

const PLAIN = plainMovie([
  {
    ...FOUR_SAMPLES,
    entry: avc1Entry({ avcC: AVC_CONFIG, width: 160, height: 120 }),
    ctts: [
      [1, 1024],
      [2, -512],
    ],
    stss: [1, 3],
    edits: [
      [100, -1],
      [0, 1024],
    ],
  },
  {
    ...FOUR_SAMPLES,
    handler: 'soun',
    timescale: 48_000,
    entry: mp4aEntry({ asc: AAC_STEREO, channels: 2, sampleRate: 48_000, bitrate: 64_000 }),
    stco: [2000],
  },
])

/** An init and two segments of our own. */
async function fragmentedMovie(): Promise<Uint8Array> {
  const { init, segment } = await ownSegments()
  return concatBytes([init, ...segment(0), ...segment(2)])
}

async function ownSegments() {
  const movie = await readMovie(bytesSource(plainMovie([FOUR_SAMPLES])))
  const samples = movie.tracks[0]?.samples
  if (samples === undefined) throw new Error('The seed lost its track.')
  const sampleEntry = avc1Entry({ avcC: AVC_CONFIG, width: 160, height: 120 })
  const init = writeVideoInit({
    timescale: 12_800,
    sampleEntry,
    width: 160,
    height: 120,
    editStartTicks: 512,
  })
  const segment = (start: number): Uint8Array[] => {
    const startTicks = start * 512
    const times = Float64Array.from([startTicks, startTicks + 512])
    const range = { start, end: start + 2 }
    const options = { samples, range, times, startTicks, endTicks: startTicks + 1024, editStartTicks: 512 }
    return [cutVideoSegment({ ...options, sequence: start + 1 }).head, new Uint8Array(20)]
  }
  return { init, segment }
}

async function realFiles(samples: Samples | undefined): Promise<readonly Uint8Array[]> {
  if (samples === undefined) return []
  const names = ['faststart', 'fragmented', 'fragmentedBoth', 'mov', 'hevc', 'lateSound'] as const
  return await Promise.all(
    names.map(async (name) => new Uint8Array(await readFile(await samples.make(name)))),
  )
}

/** The targets. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'read-movie',
    seeds: async (samples) => [PLAIN, await fragmentedMovie(), ...(await realFiles(samples))],
    run: async (bytes) => {
      const movie = await readMovie(bytesSource(bytes))
      for (const track of movie.tracks) {
        const times = presentationTimes(track)
        reorderDelay(times, allowedCuts(track.samples, times))
      }
      const again = parseIndex(formatIndex(movie))
      if (again.tracks.length !== movie.tracks.length) throw new Error('The index lost a track.')
      for (const track of movie.tracks) for (const entry of track.entries) codecString(entry)
    },
  },
  {
    name: 'read-duration',
    seeds: async (samples) => [
      PLAIN,
      plainMovie([{ ...FOUR_SAMPLES, duration: 75_000, edits: [[20_000, 0]] }]),
      concatBytes([box('mdat', new Uint8Array(50)), plainMovie([{ ...FOUR_SAMPLES, duration: 2_048 }])]),
      await fragmentedMovie(),
      ...(await realFiles(samples)),
    ],
    run: async (bytes) => {
      // An upload may end anywhere.
      for (const sizeBytes of [bytes.length, bytes.length >> 1, Math.max(bytes.length - 1, 0)]) {
        const seconds = await readDeclaredSeconds(bytesSource(bytes.subarray(0, sizeBytes)))
        if (seconds !== undefined && !(seconds > 0 && Number.isFinite(seconds)))
          throw new Error(`It lasts ${seconds} seconds.`)
      }
    },
  },
  {
    name: 'sniff',
    seeds: async (samples) => [PLAIN, ...(await realFiles(samples))],
    run: async (bytes) => {
      const found = sniff(bytes.subarray(0, SNIFF_BYTES))
      if (found.kind === 'refused' && found.found === '') throw new Error('Nothing was found.')
    },
  },
  {
    name: 'avc',
    seeds: async () => [AVC_CONFIG],
    run: async (bytes) => {
      const { width, height } = readAvcConfig(bytes)
      if (!(width > 0 && width < 2 ** 15 && height > 0 && height < 2 ** 16))
        throw new Error('An impossible size.')
    },
  },
  {
    name: 'hevc',
    seeds: async () => [HEVC_CONFIG],
    run: async (bytes) => {
      readHevcConfig(bytes)
    },
  },
  {
    name: 'aac',
    seeds: async () => AAC_CONFIGS,
    run: async (bytes) => {
      readAudioSpecificConfig(bytes)
    },
  },
  ...guardTargets,
  webvttTarget,
  pngTarget,
  ...rtmpTargets,
  ...rtcTargets({ avcConfig: AVC_CONFIG }),
  ...transportTargets,
  steadyTarget,
  unitsTarget(AVC_CONFIG),
  recordingTarget(AVC_CONFIG),
  ...codecTargets({
    avcConfig: AVC_CONFIG,
    segment: async () => concatBytes((await ownSegments()).segment(2)),
  }),
  {
    name: 'index-format',
    seeds: async () => [formatIndex(await readMovie(bytesSource(PLAIN)))],
    run: async (bytes) => {
      parseIndex(bytes)
    },
  },
]
