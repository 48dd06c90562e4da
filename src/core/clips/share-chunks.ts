/** Which finished segments of a video its clip need not make again. Pure. */

import type { BlobName } from '../../ports.ts'
import type { ClipPlan, Plan } from '../planning/index.ts'
import type { Timeline, Track } from '../timeline/index.ts'

/** A run of the clip's segments that lies in a blob of the source. */
export type SharedChunk = {
  readonly rendition: string
  readonly firstSegment: number
  readonly blob: BlobName
  readonly firstByte: number
  readonly segmentBytes: readonly number[]
  /** By how much the segments begin later in the blob. */
  readonly shiftTicks: number
}

/** An encoded rendition of the clip, and the track of the source that it continues. */
export type SharedRendition = { readonly rendition: string; readonly track: Track }

/** The encoded renditions of the clip that continue one of the source's. */
export function sharedRenditions(source: Timeline, { plan, from }: ClipPlan): SharedRendition[] {
  return encodedIds(plan).flatMap((rendition) => {
    const track = source.tracks.find(({ id }) => id === from.get(rendition))
    return track === undefined ? [] : [{ rendition, track }]
  })
}

/** The finished segments that are whole in the clip, those that lie together in one run. */
export function shareChunks(planned: ClipPlan, { rendition, track }: SharedRendition): SharedChunk[] {
  const { starts, shiftTicks } = startsInSource(planned, track.kind)
  const numbers = new Map(track.starts.map((start, number) => [start, number]))
  const chunks: SharedChunk[] = []
  let next: { blob: BlobName; byte: number; shiftTicks: number; segment: number } | undefined
  for (let segment = 0; segment + 1 < starts.length; segment += 1) {
    const number = numbers.get(starts[segment] ?? -1)
    if (number === undefined || track.starts[number + 1] !== starts[segment + 1]) continue
    const stored = track.segment(number)
    if (stored.from !== 'stored') continue
    const { blob, range } = stored
    const shift = stored.shiftTicks + shiftTicks
    const last = chunks.at(-1)
    const continues =
      next?.segment === segment &&
      next.blob === blob &&
      next.byte === range.start &&
      next.shiftTicks === shift
    const bytes = range.end - range.start
    if (continues && last !== undefined) {
      chunks[chunks.length - 1] = { ...last, segmentBytes: [...last.segmentBytes, bytes] }
    } else {
      chunks.push({
        rendition,
        firstSegment: segment,
        blob,
        firstByte: range.start,
        segmentBytes: [bytes],
        shiftTicks: shift,
      })
    }
    next = { blob, byte: range.end, shiftTicks: shift, segment: segment + 1 }
  }
  return chunks
}

/** Decode times of the clip's segments as the source counts, and the end. */
function startsInSource(
  { plan, pictureShiftTicks, soundShiftTicks }: ClipPlan,
  kind: Track['kind'],
): { starts: readonly number[]; shiftTicks: number } {
  if (kind === 'video') {
    return { starts: plan.cuts.map((cut) => cut + pictureShiftTicks), shiftTicks: pictureShiftTicks }
  }
  const { cuts = [], frameSamples = 1 } = plan.audio ?? {}
  return {
    starts: cuts.map((frame) => frame * frameSamples + soundShiftTicks),
    shiftTicks: soundShiftTicks,
  }
}

function encodedIds({ video, audio }: Plan): string[] {
  const pictures = video.filter(({ made }) => made !== 'passthrough').map(({ id }) => id)
  return audio?.made === 'encoded' ? [...pictures, audio.id] : pictures
}
