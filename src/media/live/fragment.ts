/**
 * A fragment of a broadcast: one `moof` and one `mdat` of one track, at once a part of low-latency playlists, a piece of
 * a segment and a piece of the recording, in the same bytes. The first of a segment is preceded by a `styp`, so that a
 * recording says by itself where its segments begin.
 */

import { writeFragmentHead } from '../cmaf/write-segment.ts'
import { concatBytes, type RunSample, styp } from '../isobmff/write-boxes.ts'

/** No fragment is longer, but one that holds a single picture. */
export const PART_SECONDS = 0.5

/** Ids of a broadcast's own tracks, in its init segments and in its recording. */
export const PICTURE_TRACK_ID = 1
export const SOUND_TRACK_ID = 2

/** Brand (ISO/IEC 14496-12 §4.3) of a first fragment that does not follow what was before: the publisher was away. */
export const GAP_BRAND = 'hwgp'

/** One fragment; times in the track's own timescale. */
export type LiveFragment = {
  readonly trackId: number
  readonly decodeTime: number
  readonly duration: number
  readonly sampleCount: number
  /** Whether decoding may begin with it. */
  readonly isSync: boolean
  readonly startsSegment: boolean
  /** Whether the segment it starts does not follow what was before. */
  readonly afterGap: boolean
  /** Never changed by anybody. */
  readonly bytes: Uint8Array
}

/** A sample and its bytes, which may lie in several pieces. */
export type FragmentSample = Omit<RunSample, 'size'> & { readonly data: readonly Uint8Array[] }

/** Puts a fragment together; `samples` are not empty. */
export function writeFragment(options: {
  readonly trackId: number
  /** Rises with the fragments of all tracks of a recording (§8.8.5). */
  readonly sequence: number
  readonly decodeTime: number
  readonly samples: readonly FragmentSample[]
  readonly startsSegment: boolean
  readonly afterGap: boolean
}): LiveFragment {
  const { trackId, sequence, decodeTime, samples, startsSegment, afterGap } = options
  const run = samples.map(({ data, ...sample }) => ({
    ...sample,
    size: data.reduce((sum, piece) => sum + piece.byteLength, 0),
  }))
  const head = writeFragmentHead({ trackId, sequence: sequence % 2 ** 32, decodeTime, samples: run })
  const mark = !startsSegment ? [] : [afterGap ? AFTER_GAP : SEGMENT]
  return {
    trackId,
    decodeTime,
    duration: samples.reduce((sum, { duration }) => sum + duration, 0),
    sampleCount: samples.length,
    isSync: samples[0]?.sync === true,
    startsSegment,
    afterGap,
    bytes: concatBytes([...mark, head, ...samples.flatMap(({ data }) => data)]),
  }
}

/** ISO/IEC 23000-19 §7.3.3.1: a segment, and a fragment. */
const SEGMENT = styp('msdh', 'msdh', 'cmfs', 'cmff')
const AFTER_GAP = styp('msdh', 'msdh', 'cmfs', 'cmff', GAP_BRAND)
