/** Which segments of a recording an instant clip touches. */

import type { ClipWindow } from '../live-packaging/index.ts'
import type { Track } from '../timeline/index.ts'

/** Numbers of the segments of a track that a stretch touches: half open. */
export function segmentsOfClip(track: Pick<Track, 'starts' | 'timescale'>, window: ClipWindow) {
  const start = window.startSeconds * track.timescale
  const end = start + window.durationSeconds * track.timescale
  const count = track.starts.length - 1
  const first = Math.max(
    0,
    track.starts.findLastIndex((time, index) => index < count && time <= start),
  )
  const after = track.starts.findIndex((time, index) => index > first && time >= end)
  return { first, end: after < 0 ? count : after }
}
