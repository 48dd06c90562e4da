/**
 * A stretch of a source track as a stream a decoder can read from a pipe (`-f mov`): the decoder needs neither the whole
 * file nor a seek, and sees every picture at its own time (packaging rule 15).
 */

import type { ByteRange } from '../../lib/byte-range.ts'
import { assert } from '../../lib/failure.ts'
import type { MovieTrack, SampleTable } from '../isobmff/movie.ts'
import { presentationTimes, reorderDelay, sortedTimes } from '../isobmff/presentation.ts'
import { BodyBuilder, type SampleRange } from './cut-segment.ts'
import { writeInit } from './write-init.ts'
import { type RunSample, writeFragmentHead } from './write-segment.ts'

/** What is piped, in order; ranges are bytes of the media blob. */
export type SliceParts = readonly (ByteRange | Uint8Array)[]

export type Slice = {
  readonly parts: SliceParts
  /** The decoder's time = presentation time + this, in the track's timescale. */
  readonly shiftTicks: number
  readonly sizeBytes: number
}

/** Few enough that the decoder starts at once, many enough that heads cost nothing. */
const SAMPLES_PER_FRAGMENT = 1000

/**
 * Writes samples `range` of `track` as one init and fragments, the sample entry copied as it is. No edit list, and no
 * negative composition offsets, which make libav move every picture; so decode times are made from presentation times
 * (rule 2) and begin the reordering delay earlier, and everything moves by `shiftTicks` where that would be before 0.
 * The track must have one sample entry.
 */
export function sliceSource(options: { track: MovieTrack; range: SampleRange }): Slice {
  const { track, range } = options
  const { samples } = track
  const [entry] = track.entries
  assert(
    entry !== undefined && track.entries.length === 1,
    'Only a track with one sample entry can be sliced.',
  )
  assert(track.kind !== 'other', 'Only picture and sound can be sliced.')
  assert(
    range.start >= 0 && range.end > range.start && range.end <= samples.count,
    'A slice must have samples of the table.',
  )
  const times = presentationTimes(track, range)
  const sorted = sortedTimes(times)
  const delay = reorderDelay(times)
  const shiftTicks = Math.max(0, delay - (sorted[0] ?? 0))
  const body = new BodyBuilder()
  body.addBytes(
    writeInit(track.kind === 'video' ? 'vide' : 'soun', {
      timescale: track.timescale,
      sampleEntry: entry.box,
      width: entry.video?.width ?? 0,
      height: entry.video?.height ?? 0,
      editStart: null,
    }),
  )
  const end = lastDuration(samples, range) + (sorted.at(-1) ?? 0)
  for (let first = 0; first < times.length; first += SAMPLES_PER_FRAGMENT) {
    const next = Math.min(first + SAMPLES_PER_FRAGMENT, times.length)
    const run: RunSample[] = []
    for (let index = first; index < next; index += 1) {
      const decodeTime = sorted[index] ?? 0
      run.push({
        size: samples.sizes[range.start + index] ?? 0,
        duration: (sorted[index + 1] ?? end) - decodeTime,
        compositionOffset: (times[index] ?? 0) + delay - decodeTime,
        sync: samples.sync[range.start + index] === 1,
      })
    }
    const decodeTime = (sorted[first] ?? 0) - delay + shiftTicks
    body.addBytes(writeFragmentHead({ sequence: first / SAMPLES_PER_FRAGMENT + 1, decodeTime, samples: run }))
    body.addSamples(samples, { start: range.start + first, end: range.start + next })
  }
  const { body: parts, sizeBytes } = body.finish(new Uint8Array(0))
  return { parts, shiftTicks, sizeBytes }
}

/** How long the last sample of the range lasts in decode time: as good a length as any for the last picture shown. */
function lastDuration(samples: SampleTable, range: SampleRange): number {
  const end = range.end < samples.count ? (samples.decodeTimes[range.end] ?? 0) : samples.endTime
  return Math.max(0, end - (samples.decodeTimes[range.end - 1] ?? 0))
}
