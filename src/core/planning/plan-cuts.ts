/** Where a video may be cut: sync samples near every four seconds, or an exact grid (packaging rules 7 to 14). Pure. */

import { scaleTicks } from '../../lib/ticks.ts'
import type { Cuts, Rational } from './plan.ts'

/** What a segment should last. */
export const SEGMENT_SECONDS = 4
/** No segment is shorter, the last one included (rule 13). */
export const SHORTEST_SECONDS = 0.5
/** Longest segment that was played and switched well: x264's 250 pictures at 23.976 a second (rule 13). */
export const LONGEST_SECONDS = 10.5

/**
 * Cuts at the allowed cut nearest to every multiple of four seconds. `allowed`: presentation times in ticks, ascending,
 * beginning with 0. Answers the starts and the end. Whether the longest is short enough is for `longestSegment` to tell.
 */
export function planCutsFromSync(allowed: ArrayLike<number>, endTicks: number, timescale: number): Cuts {
  const shortest = SHORTEST_SECONDS * timescale
  const cuts = [0]
  let index = 0
  for (let target = SEGMENT_SECONDS * timescale; target < endTicks; target += SEGMENT_SECONDS * timescale) {
    const at = (candidate: number): number => allowed[candidate] ?? Number.POSITIVE_INFINITY
    while (Math.abs(at(index + 1) - target) <= Math.abs(at(index) - target)) index += 1
    const cut = at(index)
    if (cut - (cuts.at(-1) ?? 0) >= shortest && endTicks - cut >= shortest) cuts.push(cut)
  }
  cuts.push(endTicks)
  return cuts
}

/** Cuts of a constant rate: at the picture nearest to every multiple of four seconds. */
export function planCutsOnGrid(frameCount: number, rate: Rational, timescale: number): Cuts {
  const cuts: number[] = []
  const shortest = SHORTEST_SECONDS * (rate.num / rate.den)
  for (let segment = 0; ; segment += 1) {
    const frame = scaleTicks(segment * SEGMENT_SECONDS, rate.num, rate.den)
    if (segment > 0 && frame > frameCount - shortest) break
    cuts.push(scaleTicks(frame, rate.den * timescale, rate.num))
  }
  cuts.push(scaleTicks(frameCount, rate.den * timescale, rate.num))
  return cuts
}

/** The longest segment in seconds. */
export function longestSegment(cuts: Cuts, timescale: number): number {
  let longest = 0
  for (let segment = 1; segment < cuts.length; segment += 1) {
    longest = Math.max(longest, (cuts[segment] ?? 0) - (cuts[segment - 1] ?? 0))
  }
  return longest / timescale
}

/** How a sound rendition counts its frames. */
export type SoundGrid = {
  readonly sampleRate: number
  readonly frameSamples: number
  /** Rule 7's e: presentation of frame k = k × frameSamples − e. */
  readonly editStartSamples: number
}

/** Frames that begin before the end of the picture (rule 10). */
export function soundFrameCount(endTicks: number, timescale: number, grid: SoundGrid): number {
  const endSamples = Math.ceil((endTicks * grid.sampleRate) / timescale)
  return Math.max(1, Math.ceil((endSamples + grid.editStartSamples) / grid.frameSamples))
}

/** First frame of every segment, and the end: the frame nearest to each cut of the picture (rule 7). */
export function planSoundCuts(cuts: Cuts, timescale: number, grid: SoundGrid, frameCount: number): number[] {
  const frames = [0]
  for (const cut of cuts.slice(1, -1)) {
    const sample = scaleTicks(cut, grid.sampleRate, timescale) + grid.editStartSamples
    const frame = Math.round(sample / grid.frameSamples)
    if (frame >= frameCount) break
    // Cuts are half a second apart, so every segment has frames.
    frames.push(frame)
  }
  frames.push(frameCount)
  return frames
}
