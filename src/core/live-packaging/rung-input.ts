/** Lower rungs of a broadcast: pictures that were encoded from what was published, cut where that is cut. */

import { PICTURE_TRACK_ID } from '../../media/live/fragment.ts'
import { PictureTrack } from '../../media/live/picture-track.ts'
import { type AccessUnit, LIVE_TIMESCALE, type VideoFormat } from '../../media/live/units.ts'
import type { CutList } from './cut-list.ts'
import type { Rendition } from './rendition.ts'

/** Takes the units of a lower rung; its times are those of the broadcast, its sync pictures where the broadcast has its own. */
export type RungInput = {
  /** Once, before the first unit. */
  readonly format: (format: VideoFormat) => void
  readonly unit: (unit: AccessUnit) => void
  /** It is offered no longer. */
  readonly end: () => void
}

/** Makes one. `begin` is called with the first part, so that a rung is offered once there is something of it. */
export function createRung(deps: {
  readonly cuts: CutList
  readonly sequence: () => number
  readonly begin: (format: VideoFormat, firstSegment: number) => Rendition
  readonly complete: (rendition: Rendition) => void
  readonly changed: () => void
  readonly remove: (rendition: Rendition) => void
}): RungInput {
  let rendition: Rendition | undefined
  let track: PictureTrack | undefined
  /** The segment after the present one. */
  let next = 0
  const startsSegment = (ptsTicks: number) => {
    const due = deps.cuts.segmentAt(ptsTicks + CUT_TOLERANCE_TICKS)
    if (due < next) return null
    next = due + 1
    return { afterGap: deps.cuts.isAfterGap(due) }
  }
  return {
    format: (format) => {
      track ??= new PictureTrack({
        trackId: PICTURE_TRACK_ID,
        sequence: deps.sequence,
        startsSegment,
        onFragment: (fragment) => {
          rendition ??= deps.begin(format, next - 1)
          rendition.append(fragment)
          deps.changed()
        },
        onSegmentEnd: () => rendition && deps.complete(rendition),
      })
    },
    unit: (unit) => track?.add(unit),
    end: () => {
      track = undefined
      if (rendition !== undefined) deps.remove(rendition)
      rendition = undefined
    },
  }
}

/** Pictures may be off by what encoders round. */
const CUT_TOLERANCE_TICKS = 0.05 * LIVE_TIMESCALE
