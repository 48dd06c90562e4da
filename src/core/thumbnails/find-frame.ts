/** Which picture is on the screen at an instant: its segment, and its number in it. */

import { assert } from '../../lib/failure.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import { type Plan, segmentCount } from '../planning/index.ts'
import type { OwnPictures } from '../timeline/index.ts'

/** A picture of every rendition of a video: they show the same pictures at the same times. */
export type Frame = {
  readonly segment: number
  /** Its place among the segment's pictures in presentation order, from 0. */
  readonly number: number
  /** When it appears, milliseconds, rounded; names its still. */
  readonly timeMs: number
}

/**
 * The picture shown at `seconds`: the last one that begins at or before it. `own`: those pictures, where they are the
 * source's.
 */
export function findFrame(plan: Plan, seconds: number, own: OwnPictures | null): Frame {
  const end = plan.cuts.at(-1) ?? 0
  // The tick that has begun; a whole one may come out of the multiplication a little too small.
  const asked = Math.floor(seconds * plan.timescale + 1e-6)
  // A tick before the end is still the last picture.
  const ticks = Math.min(Math.max(0, asked), Math.max(0, end - 1))
  if (plan.frames.kind === 'grid') return gridFrame(plan, plan.frames, ticks)
  assert(own !== null, 'pictures at the source’s own times need its index')
  return sourceFrame(plan, own, ticks)
}

function gridFrame(plan: Plan, frames: Extract<Plan['frames'], { kind: 'grid' }>, ticks: number): Frame {
  const { num, den } = frames.rate
  const startTicks = (frame: number) => scaleTicks(frame, den * plan.timescale, num)
  let frame = Math.min(scaleTicks(ticks, num, den * plan.timescale), frames.frameCount - 1)
  if (frame > 0 && startTicks(frame) > ticks) frame -= 1
  const segment = segmentAt(plan, startTicks(frame))
  const first = scaleTicks(plan.cuts[segment] ?? 0, num, den * plan.timescale)
  return { segment, number: frame - first, timeMs: toMs(startTicks(frame), plan) }
}

function sourceFrame(plan: Plan, own: OwnPictures, ticks: number): Frame {
  const segment = segmentAt(plan, ticks)
  const first = own.segmentSamples[segment] ?? 0
  const end = own.segmentSamples[segment + 1] ?? first
  let number = -1
  let shown = 0
  for (let sample = first; sample < end; sample += 1) {
    const time = own.times.at(sample)
    // What a clip does not show lies before 0 or behind its end.
    if (time < 0 || time > ticks) continue
    number += 1
    shown = Math.max(shown, time)
  }
  return { segment, number: Math.max(0, number), timeMs: toMs(shown, plan) }
}

/** The segment that an instant lies in, in ticks. */
export function segmentAt(plan: Plan, ticks: number): number {
  let low = 0
  let high = segmentCount(plan) - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if ((plan.cuts[middle] ?? 0) <= ticks) low = middle
    else high = middle - 1
  }
  return low
}

function toMs(ticks: number, plan: Plan): number {
  return scaleTicks(ticks, 1000, plan.timescale)
}
