/** Whether a source's pictures can be passed through to players as they are (DESIGN 3.1, packaging rules 1 to 13). Pure. */

import { readAvcConfig } from '../../media/codecs/avc.ts'
import type { MovieTrack } from '../../media/isobmff/movie.ts'
import {
  allowedCuts,
  editShape,
  presentationTimes,
  reorderBound,
  reorderDelay,
} from '../../media/isobmff/presentation.ts'
import { findRate } from './frame-rate.ts'
import { REORDER_PICTURES } from './encode-plan.ts'
import type { Cuts, Rational, SourcePicture } from './plan.ts'
import { LONGEST_SECONDS, longestSegment, planCutsFromSync } from './plan-cuts.ts'
import { pictureTimes, segmentSamples } from './passthrough-times.ts'
import { readMatrix } from './index-facts.ts'
import type { PictureTimeline } from './source-facts.ts'

/** A passed-through picture, measured. */
export type PassthroughPicture = {
  readonly passthrough: true
  readonly cuts: Cuts
  readonly frameCount: number
  readonly averageRate: Rational
  readonly codec: string
  /** Rule 1's S. */
  readonly editStartTicks: number
  /** The same for rungs that keep the source's times: a bound, since they are listed before they are made. */
  readonly rungEditStartTicks: number
  readonly averageBps: number
  readonly peakBps: number
}

export type PictureVerdict = PassthroughPicture | { readonly passthrough: false; readonly because: string }

/** Baseline, Main and High: what every browser decodes. */
const PROFILES: readonly number[] = [66, 77, 100]
/** 1080p is coded as 1088 lines by encoders that do not crop. */
const MAX_SHORT_SIDE = 1088
const MAX_LONG_SIDE = 4096
const MAX_PEAK_BPS = 20_000_000
const MAX_RATE = 70.5
/** A picture that begins later is encoded; up to this the first one starts at 0 and lasts longer (rule 4). */
const MAX_LATE_SECONDS = 1

/** Judges an H.264 track whose pictures are shown as `timeline` says. */
export function judgePicture(
  track: MovieTrack,
  picture: SourcePicture,
  timeline: PictureTimeline,
): PictureVerdict {
  const bitstream = refuseBitstream(track, picture)
  if (bitstream !== undefined) return { passthrough: false, because: bitstream }
  const presentation = presentationTimes(track)
  const edits = refuseEdits(track, presentation, timeline.endTicks)
  if (edits !== undefined) return { passthrough: false, because: edits }
  return measure(track, presentation, timeline)
}

function refuseBitstream(track: MovieTrack, picture: SourcePicture): string | undefined {
  const entry = track.entries[0]
  if (track.entries.length !== 1) return `its coding changes ${track.entries.length - 1} times on the way`
  if (entry?.fourcc !== 'avc1' || entry.config === null)
    return `it is ${picture.codec}, not H.264 as MP4 holds it`
  const facts = readAvcConfig(entry.config)
  if (!PROFILES.includes(facts.profile)) return `its H.264 profile is ${facts.profile}`
  if (facts.chromaFormat !== 1 || facts.bitDepth !== 8) return 'its colours are not 8-bit 4:2:0'
  if (facts.interlaced) return 'it is interlaced'
  if (facts.parameterSets.sps !== 1 || facts.parameterSets.pps < 1) {
    return `it has ${facts.parameterSets.sps} sequence parameter sets`
  }
  if (picture.transfer !== 'sdr') return 'it is HDR'
  if (!readMatrix(track.matrix).plain) return 'it is turned or mirrored'
  if (picture.pixelAspect.num !== picture.pixelAspect.den) return 'its pixels are not square'
  const shortSide = Math.min(facts.width, facts.height)
  const longSide = Math.max(facts.width, facts.height)
  if (shortSide > MAX_SHORT_SIDE || longSide > MAX_LONG_SIDE) return `it is ${facts.width} × ${facts.height}`
  return undefined
}

function refuseEdits(track: MovieTrack, times: Float64Array, endTicks: number): string | undefined {
  const { timescale } = track
  if (editShape(track).kind === 'several') return 'its edit list has several stretches'
  const { firstSample } = pictureTimes(track)
  const start = times[firstSample] ?? 0
  if (start > MAX_LATE_SECONDS * timescale)
    return `its picture begins ${(start / timescale).toFixed(1)} s late`
  let next = Number.POSITIVE_INFINITY
  for (let sample = 0; sample < times.length; sample += 1) {
    const time = times[sample] ?? 0
    if (sample < firstSample && time >= 0) return 'pictures before its first sync sample are shown'
    if (sample > firstSample) next = Math.min(next, time)
  }
  // A start before 0 is rounding of the edit list as long as no other picture is cut off by it.
  if (start < 0 && (next <= 0 || -start > timescale / 20))
    return 'its edit list begins inside a group of pictures'
  const cutOff = times.reduce((count, time) => count + (time >= endTicks ? 1 : 0), 0)
  if (cutOff > 0) return `its edit list ends ${cutOff} pictures early`
  return undefined
}

function measure(
  track: MovieTrack,
  presentation: Float64Array,
  { sorted: sortedPresentation, endTicks }: PictureTimeline,
): PictureVerdict {
  const { samples, timescale } = track
  const shown = pictureTimes(track)
  const allowed = allowedCuts(samples, presentation).filter((sample) => sample >= shown.firstSample)
  if (allowed[0] !== shown.firstSample) {
    return { passthrough: false, because: 'its first picture needs others that come later' }
  }
  const cuts = planCutsFromSync(
    Array.from(allowed, (sample) => shown.at(sample)),
    endTicks,
    timescale,
  )
  const longest = longestSegment(cuts, timescale)
  if (longest > LONGEST_SECONDS) {
    return { passthrough: false, because: `it cannot be cut for ${longest.toFixed(1)} s at a stretch` }
  }
  // As the plan shows them: the first one from 0 on (rule 4).
  const times = presentation.slice(shown.firstSample)
  times[0] = 0
  const sorted = sortedPresentation.slice()
  sorted[0] = 0
  if (sorted.length !== times.length)
    return { passthrough: false, because: 'some of its pictures are never shown' }
  for (let index = 1; index < sorted.length; index += 1) {
    if (sorted[index] === sorted[index - 1]) {
      return { passthrough: false, because: 'two of its pictures are shown at the same time' }
    }
  }
  const starts = segmentSamples(track, shown, cuts)
  const { average } = findRate(sorted, endTicks, timescale)
  if (average.num / average.den > MAX_RATE) {
    return {
      passthrough: false,
      because: `it has ${(average.num / average.den).toFixed(0)} pictures a second`,
    }
  }
  const { averageBps, peakBps } = bitRates(samples.sizes, starts, cuts, timescale)
  if (peakBps > MAX_PEAK_BPS) {
    return { passthrough: false, because: `it reaches ${(peakBps / 1e6).toFixed(1)} Mbit/s` }
  }
  const entry = track.entries[0]
  return {
    passthrough: true,
    cuts,
    frameCount: times.length,
    averageRate: average,
    codec: readAvcConfig(entry?.config ?? new Uint8Array()).codec,
    editStartTicks: reorderDelay(
      times,
      starts.map((start) => start - shown.firstSample),
    ),
    rungEditStartTicks: reorderBound(sorted, REORDER_PICTURES),
    averageBps,
    peakBps,
  }
}

function bitRates(
  sizes: Uint32Array,
  starts: Uint32Array,
  cuts: Cuts,
  timescale: number,
): { averageBps: number; peakBps: number } {
  let total = 0
  let peakBps = 0
  for (let segment = 0; segment + 1 < cuts.length; segment += 1) {
    let bytes = 0
    for (let sample = starts[segment] ?? 0; sample < (starts[segment + 1] ?? 0); sample += 1) {
      bytes += sizes[sample] ?? 0
    }
    total += bytes
    const ticks = (cuts[segment + 1] ?? 0) - (cuts[segment] ?? 0)
    // What is shorter than a second says little of the rate that a player must sustain.
    peakBps = Math.max(peakBps, (bytes * 8 * timescale) / Math.max(ticks, timescale))
  }
  const averageBps = Math.round((total * 8 * timescale) / Math.max(1, cuts.at(-1) ?? 1))
  return { averageBps, peakBps: Math.round(Math.max(peakBps, averageBps)) }
}
