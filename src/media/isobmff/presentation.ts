/** From decode times to what is seen when: composition offsets and edit lists (ISO/IEC 14496-12 §8.6.1.3, §8.6.6). */

import type { MovieTrack, SampleTable } from './movie.ts'

/** What a track's edit list amounts to. All ticks in the track's timescale. */
export type EditShape = {
  /**
   * `none`: no list. `single`: one stretch of media from the start of the movie on. `late`: silence or black first, then
   * one stretch. `several`: more stretches than one, or another speed than 1; only the first stretch is described.
   */
  readonly kind: 'none' | 'single' | 'late' | 'several'
  /** Presentation time = decode time + composition offset + this. */
  readonly shiftTicks: number
  /** Composition time at which the media shown begin (`media_time`); what comes before is decoded, not shown. */
  readonly mediaTime: number
  /** Presentation time at which the list ends; null = with the media. */
  readonly endTicks: number | null
}

/** Describes the edit list of `track`. */
export function editShape(track: Pick<MovieTrack, 'edits'>): EditShape {
  const { edits } = track
  const first = edits.findIndex((edit) => edit.mediaTime >= 0)
  const edit = edits[first]
  if (edit === undefined) return { kind: 'none', shiftTicks: 0, mediaTime: 0, endTicks: null }
  const emptyTicks = edits.slice(0, first).reduce((sum, { durationTicks }) => sum + durationTicks, 0)
  const several = first + 1 < edits.length || edit.rate !== 1
  return {
    kind: several ? 'several' : emptyTicks > 0 ? 'late' : 'single',
    shiftTicks: emptyTicks - edit.mediaTime,
    mediaTime: edit.mediaTime,
    endTicks: edit.durationTicks === 0 ? null : emptyTicks + edit.durationTicks,
  }
}

/**
 * Presentation time of every sample (of those in `range`), in decode order, in the track's timescale: 0 is the start of the movie, and
 * samples before it (priming) are negative. Of a list with several stretches the first one is applied.
 */
export function presentationTimes(
  track: Pick<MovieTrack, 'edits' | 'samples'>,
  range: { readonly start: number; readonly end: number } = { start: 0, end: track.samples.count },
): Float64Array {
  const { decodeTimes, compositionOffsets } = track.samples
  const { shiftTicks } = editShape(track)
  const times = decodeTimes.slice(range.start, range.end)
  for (let index = 0; index < times.length; index += 1) {
    times[index] = (times[index] ?? 0) + (compositionOffsets[range.start + index] ?? 0) + shiftTicks
  }
  return times
}

/** The presentation time of a single sample; see `presentationTimes`. */
export function presentationOf(track: Pick<MovieTrack, 'edits' | 'samples'>): (sample: number) => number {
  const { decodeTimes, compositionOffsets } = track.samples
  const { shiftTicks } = editShape(track)
  return (sample) => (decodeTimes[sample] ?? 0) + (compositionOffsets[sample] ?? 0) + shiftTicks
}

/**
 * A sorted copy of `times`. Pictures are decoded a few places from where they are shown, so each is moved those few
 * places, ten times faster than sorting; times that lie far apart are sorted after all.
 */
export function sortedTimes(times: Float64Array): Float64Array {
  const sorted = times.slice()
  let moves = 16 * sorted.length
  for (let index = 1; index < sorted.length; index += 1) {
    const time = sorted[index] ?? 0
    let place = index
    for (; place > 0 && (sorted[place - 1] ?? 0) > time; place -= 1) sorted[place] = sorted[place - 1] ?? 0
    sorted[place] = time
    moves -= index - place
    if (moves < 0) return sorted.sort()
  }
  return sorted
}

/**
 * Samples at which the picture may be cut (packaging rule 12): sync samples such that everything decoded later is shown
 * later, and everything decoded earlier is shown earlier. The first excludes open GOPs, whose leading pictures need the
 * GOP before, whatever `stss` says; the second holds for every sound bitstream and guards against broken times.
 */
export function allowedCuts(samples: SampleTable, times: Float64Array): Uint32Array {
  const { count, sync } = samples
  const allowed = new Uint8Array(count)
  let earliestLater = Number.POSITIVE_INFINITY
  for (let index = count - 1; index >= 0; index -= 1) {
    const time = times[index] ?? 0
    if (sync[index] === 1 && time < earliestLater) allowed[index] = 1
    earliestLater = Math.min(earliestLater, time)
  }
  const cuts: number[] = []
  let latestEarlier = Number.NEGATIVE_INFINITY
  for (let index = 0; index < count; index += 1) {
    const time = times[index] ?? 0
    if (allowed[index] === 1 && time > latestEarlier) cuts.push(index)
    latestEarlier = Math.max(latestEarlier, time)
  }
  return Uint32Array.from(cuts)
}

/**
 * The largest delay by reordering, packaging rule 2's S: decode times are made from presentation times (the j-th sample
 * decoded gets the j-th smallest time of its segment), and S = max(decode − presentation time) over all segments.
 * `starts` are the samples at which segments begin, ascending; without them all of `times` is one segment.
 */
export function reorderDelay(times: Float64Array, starts: ArrayLike<number> = [0]): number {
  let delay = 0
  for (let segment = 0; segment < starts.length; segment += 1) {
    const own = times.subarray(starts[segment] ?? 0, starts[segment + 1] ?? times.length)
    const sorted = sortedTimes(own)
    for (let index = 0; index < own.length; index += 1) {
      delay = Math.max(delay, (sorted[index] ?? 0) - (own[index] ?? 0))
    }
  }
  return delay
}

/**
 * The largest `reorderDelay` that an encoder which reorders by at most `depth` pictures can cause on these pictures:
 * max(t[i + depth] − t[i]). Times sorted, of one segment or of the whole track (which can only give a larger bound).
 */
export function reorderBound(sortedTimes: Float64Array, depth: number): number {
  let bound = 0
  for (let index = depth; index < sortedTimes.length; index += 1) {
    bound = Math.max(bound, (sortedTimes[index] ?? 0) - (sortedTimes[index - depth] ?? 0))
  }
  return bound
}
