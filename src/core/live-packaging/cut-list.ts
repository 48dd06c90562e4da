/** Where the segments of a broadcast begin: the same for all its tracks, and once told never changed. */

import { NumberList } from '../../lib/number-list.ts'
import { LIVE_TIMESCALE } from '../../media/live/units.ts'

/** A stretch of a broadcast without interruption. */
export type Stretch = {
  readonly firstSegment: number
  /** Where it begins, in ticks of `LIVE_TIMESCALE`. */
  readonly startTicks: number
  /** Wall clock at that place: microseconds since 1970 UTC. */
  readonly startUs: number
}

export class CutList {
  readonly #cuts = new NumberList()
  readonly #stretches: Stretch[] = []

  /** Number of segments that have begun. */
  get length(): number {
    return this.#cuts.length
  }

  /** Stretches in order; none before the first segment. */
  get stretches(): readonly Stretch[] {
    return this.#stretches
  }

  get sizeBytes(): number {
    return this.#cuts.sizeBytes
  }

  /** Where a segment begins. */
  at(segment: number): number | undefined {
    return this.#cuts.at(segment)
  }

  /** The segment in which a time lies; the first or the latest where it lies in none. */
  segmentAt(ticks: number): number {
    return Math.max(0, this.#cuts.countUpTo(ticks) - 1)
  }

  /** A segment begins. `afterGap`: it does not follow what was before, and this is the time of the wall clock. */
  push(ticks: number, afterGap: boolean, wallUs: number): void {
    if (afterGap || this.#stretches.length === 0) {
      this.#stretches.push({ firstSegment: this.#cuts.length, startTicks: ticks, startUs: wallUs })
    }
    this.#cuts.push(ticks)
  }

  /** The stretch a segment belongs to; undefined before the first. */
  stretchOf(segment: number): Stretch | undefined {
    return this.#stretches.findLast(({ firstSegment }) => firstSegment <= segment)
  }

  /** Whether a segment does not follow the one before it. */
  isAfterGap(segment: number): boolean {
    return segment > 0 && this.stretchOf(segment)?.firstSegment === segment
  }

  /** How many gaps there are before a segment, its own not counted. */
  gapsBefore(segment: number): number {
    return this.#stretches.filter(({ firstSegment }) => firstSegment > 0 && firstSegment < segment).length
  }

  /** Wall clock at the begin of a segment, in microseconds since 1970 UTC. */
  wallUs(segment: number): number | undefined {
    const stretch = this.stretchOf(segment)
    const ticks = this.#cuts.at(segment)
    if (stretch === undefined || ticks === undefined) return undefined
    return stretch.startUs + Math.round(((ticks - stretch.startTicks) * 1e6) / LIVE_TIMESCALE)
  }
}
