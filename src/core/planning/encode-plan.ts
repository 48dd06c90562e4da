/** How a video's renditions are cut into encode chunks, and what a rung becomes in the plan. Pure. */

import { assert } from '../../lib/failure.ts'
import {
  type Cuts,
  encodedSegments,
  type EncodeChunk,
  type FrameTimes,
  type Plan,
  type VideoRendition,
} from './plan.ts'
import { reduce } from './frame-rate.ts'
import type { Rung } from './ladder.ts'

/** Later picture chunks last at least this; with segments of at most 4 s that makes 16 to 20 s, and up to 28 s at the end. */
const PICTURE_CHUNK_SECONDS = 16
/** A decoder start costs 50 ms, a minute of sound about 1 s. */
const SOUND_CHUNK_SECONDS = 120
/** Pictures that x264 may hold back with the settings of `picture-args.ts`: two, for its pyramid of B-frames. */
export const REORDER_PICTURES = 2

/**
 * The first chunk is one segment, so that something plays soon; later ones are long, so that little is done twice: each
 * decodes from the sync sample before it. So what would remain at the end goes with the one before, unless it is half as
 * long as others.
 */
export function planChunks(
  starts: readonly number[],
  timescale: number,
  kind: 'video' | 'audio',
): EncodeChunk[] {
  const least = (kind === 'video' ? PICTURE_CHUNK_SECONDS : SOUND_CHUNK_SECONDS) * timescale
  const segments = starts.length - 1
  const chunks: EncodeChunk[] = [{ firstSegment: 0, endSegment: 1 }]
  let first = 1
  const lengthTo = (end: number, from: number) => (starts[end] ?? 0) - (starts[from] ?? 0)
  for (let end = 2; end <= segments; end += 1) {
    const tooShort = lengthTo(end, first) < least || lengthTo(segments, end) < least / 2
    if (end < segments && tooShort) continue
    chunks.push({ firstSegment: first, endSegment: end })
    first = end
  }
  return chunks
}

/** The chunk that holds `segment`. */
export function chunkOf(chunks: readonly EncodeChunk[], segment: number): EncodeChunk {
  const chunk = chunks.find(({ firstSegment, endSegment }) => firstSegment <= segment && segment < endSegment)
  assert(chunk !== undefined, `No encode chunk holds segment ${segment}.`)
  return chunk
}

/** A rung as the plan holds it. `editStartTicks`: rule 2's bound for `REORDER_PICTURES`. */
export function planRendition(
  rung: Rung,
  options: { id: string; made: 'low' | 'ladder'; editStartTicks: number },
): VideoRendition {
  return {
    id: options.id,
    made: options.made,
    width: rung.width,
    height: rung.height,
    name: rung.name,
    bitrateBps: rung.targetBps,
    peakBps: rung.maxBps,
    editStartTicks: options.editStartTicks,
    codec: rung.codec,
    kept: true,
  }
}

/** First picture of every segment, counted from the start, and the end. Only for a constant rate. */
export function gridFrames(cuts: Cuts, frames: FrameTimes & { kind: 'grid' }, timescale: number): number[] {
  const { num, den } = frames.rate
  return cuts.map((cut) => Math.round((cut * num) / (den * timescale)))
}

/**
 * The chunks of a clip: its first and its last segment are ones of their own, since between them there is usually
 * nothing to do.
 */
export function planClipChunks(
  starts: readonly number[],
  timescale: number,
  kind: 'video' | 'audio',
): EncodeChunk[] {
  const last = starts.length - 2
  if (last === 0) return planChunks(starts, timescale, kind)
  return [...planChunks(starts.slice(0, -1), timescale, kind), { firstSegment: last, endSegment: last + 1 }]
}

/** The pass that makes a rendition: what plays first comes first, so the edges of a passthrough with what is `low`. */
export function passOf({ made }: Pick<VideoRendition, 'made'>): 'low' | 'ladder' {
  return made === 'ladder' ? 'ladder' : 'low'
}

/** Renditions that one pass encodes together, largest first, as the cascade of scalers needs them. */
export function renditionsOfPass(plan: Plan, pass: 'low' | 'ladder'): VideoRendition[] {
  return plan.video
    .filter((rendition) => passOf(rendition) === pass && encodedSegments(plan, rendition).length > 0)
    .toReversed()
}

/** Pictures per second of what is encoded. */
export function framesPerSecond(plan: Plan): number {
  const { num, den } = reduce(plan.frames.kind === 'grid' ? plan.frames.rate : plan.frames.averageRate)
  return num / den
}
