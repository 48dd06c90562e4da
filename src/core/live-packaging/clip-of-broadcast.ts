/** The bytes of a broadcast that a clip of it is made of. */

import type { ByteRange } from '../../lib/byte-range.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { ClipWindow } from './clip-query.ts'
import type { LivePackage } from './live-package.ts'
import type { Rendition } from './rendition.ts'

/** A track of it: an init segment, and the segments that the clip touches, in memory or in the recording. */
export type BroadcastClipTrack = {
  readonly init: Uint8Array
  readonly pieces: readonly (Uint8Array | ByteRange)[]
  /** In seconds of the track's own times. */
  readonly startSeconds: number
  readonly endSeconds: number
}

/** What was published, picture and sound. Throws `not_found` where it is neither in memory nor recorded. */
export function clipOfBroadcast(pack: LivePackage, window: ClipWindow): BroadcastClipTrack[] {
  const startSeconds = pack.startSeconds + window.startSeconds
  const endSeconds = startSeconds + window.durationSeconds
  return pack.renditions
    .filter(({ rung }) => rung === null)
    .map((rendition) => {
      const { first, end } = segmentsOfWindow(rendition, startSeconds, endSeconds)
      const pieces: (Uint8Array | ByteRange)[] = []
      for (let segment = first; segment < end; segment += 1) pieces.push(...piecesOf(rendition, segment))
      return { init: rendition.initOf(first).init.bytes, pieces, startSeconds, endSeconds }
    })
}

/** Numbers of the segments that a stretch touches (seconds of the rendition's own times): half open. */
export function segmentsOfWindow(
  rendition: Rendition,
  startSeconds: number,
  endSeconds: number,
): { readonly first: number; readonly end: number } {
  const first = rendition.segmentAt(startSeconds * rendition.timescale)
  const last = rendition.segmentAt(endSeconds * rendition.timescale - 1)
  return { first, end: Math.min(rendition.endSegment, Math.max(first, last) + 1) }
}

function piecesOf(rendition: Rendition, segment: number): readonly (Uint8Array | ByteRange)[] {
  const held = rendition.held(segment)
  if (held !== undefined) return held.parts.map(({ bytes }) => bytes)
  const ranges = rendition.ranges(segment)
  if (ranges.length > 0 && segment >= rendition.firstAvailable) return ranges
  throw new HeadwaterError('not_found', 'This stretch of the broadcast was not recorded.')
}
