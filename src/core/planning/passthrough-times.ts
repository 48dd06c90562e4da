/**
 * Plan times of the pictures of an indexed source: the only place that maps a movie's track to the plan. Ingest plans
 * the cuts with it, the packager cuts segments with it, and encoding slices its chunks with it, so that all mean the
 * same instants (rule 4). Plan ticks are the track's own (rule 5).
 */

import { assert } from '../../lib/failure.ts'
import type { MovieTrack } from '../../media/isobmff/movie.ts'
import { presentationOf } from '../../media/isobmff/presentation.ts'
import type { Cuts, Plan } from './plan.ts'

/** When each picture of a track is shown. */
export type PictureTimes = {
  /** First sample that is shown, in decode order: where the edit list begins. Those before it are not played. */
  readonly firstSample: number
  /**
   * Plan time of a sample, in ticks; samples before `firstSample` have none. Of a clip: minus infinity for what is shown
   * before it, infinity for what comes after.
   */
  readonly at: (sample: number) => number
}

/**
 * The plan times of a picture track. What is shown begins at 0: at the last sync sample at or before it, or else at the
 * first sample, which then starts at 0 and lasts longer (rule 4). Whether that is good enough to pass through, since an
 * edit may begin inside a GOP, is for ingest to judge.
 */
export function pictureTimes(track: Pick<MovieTrack, 'edits' | 'samples'>): PictureTimes {
  const { sync } = track.samples
  const presentation = presentationOf(track)
  let firstSample = 0
  for (let sample = sync.indexOf(1); sample !== -1; sample = sync.indexOf(1, sample + 1)) {
    if (presentation(sample) > 0) break
    firstSample = sample
  }
  return { firstSample, at: (sample) => (sample === firstSample ? 0 : presentation(sample)) }
}

/**
 * The sample (decode order) at which each segment begins, and the end: one entry more than there are segments. Every
 * sample of a segment is shown within it, since cuts are sync samples without leading pictures (rule 12). Throws
 * `internal` when the cuts are not those of this track.
 */
export function segmentSamples(
  track: Pick<MovieTrack, 'samples'>,
  times: PictureTimes,
  cuts: Cuts,
): Uint32Array {
  const { count, sync } = track.samples
  const segments = cuts.length - 1
  const starts = new Uint32Array(segments + 1)
  let segment = 0
  // A search by the engine itself: an index of ten hours must not hold up the other requests.
  let sample = sync.indexOf(1, times.firstSample)
  for (; sample !== -1 && segment < segments; sample = sync.indexOf(1, sample + 1)) {
    if (times.at(sample) === cuts[segment]) {
      starts[segment] = sample
      segment += 1
    }
  }
  assert(segment === segments, `no sync sample lies at cut ${segment} (${cuts[segment]}) of the plan`)
  starts[segments] = endSample(count, times, cuts.at(-1) ?? 0)
  return starts
}

/**
 * The times of a clip's pictures, counted from its start. `starts`: where the segments of `mediaCuts` begin. The picture
 * on show at the start is shown from then on.
 */
export function windowTimes(times: PictureTimes, starts: Uint32Array, plan: Plan): PictureTimes {
  const { window } = plan
  if (window === undefined) return times
  const endTicks = window.startTicks + (plan.cuts.at(-1) ?? 0)
  let shown = starts[0] ?? 0
  for (let sample = shown; sample < (starts[1] ?? 0); sample += 1) {
    const time = times.at(sample)
    if (time <= window.startTicks && time > times.at(shown)) shown = sample
  }
  return {
    firstSample: starts[0] ?? 0,
    at: (sample) => {
      if (sample === shown) return 0
      const time = times.at(sample)
      if (time <= window.startTicks) return Number.NEGATIVE_INFINITY
      return time < endTicks ? time - window.startTicks : Number.POSITIVE_INFINITY
    },
  }
}

/** Samples at or after the end of the picture are left out. */
function endSample(count: number, times: PictureTimes, endTicks: number): number {
  let end = count
  while (end > times.firstSample && times.at(end - 1) >= endTicks) end -= 1
  return end
}
