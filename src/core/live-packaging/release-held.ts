/** Which segments of a broadcast stay in memory: the last ones, as far as they fit. */

import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import type { Rendition } from './rendition.ts'

/**
 * Lets go of what does not fit or is old, the oldest first: what the recording has at once, anything else only when there is
 * half as much again. The last complete segment and the one that is made always stay.
 */
export function releaseHeld(
  renditions: readonly Rendition[],
  { mostBytes, ageTicks }: { readonly mostBytes: number; readonly ageTicks: (segment: number) => number },
): void {
  for (;;) {
    const held = renditions.reduce((sum, { heldBytes }) => sum + heldBytes, 0)
    let oldest: { rendition: Rendition; number: number; isStored: boolean } | undefined
    for (const rendition of renditions) {
      const segment = rendition.oldestHeld()
      if (segment === undefined || segment.number >= rendition.endSegment - 2) continue
      if (oldest === undefined || segment.number < oldest.number) oldest = { rendition, ...segment }
    }
    if (oldest === undefined) return
    const most = oldest.isStored ? mostBytes : mostBytes * 1.5
    if (held <= most && ageTicks(oldest.number) <= KEPT_TICKS) return
    oldest.rendition.forget(oldest.number)
  }
}

const KEPT_TICKS = 120 * LIVE_TIMESCALE
