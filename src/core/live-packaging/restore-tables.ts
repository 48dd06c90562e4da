/** The tables of a broadcast from what its recording says. */

import { PICTURE_TRACK_ID } from '../../media/live/fragment.ts'
import type { FoundFragment, FoundRecording } from '../../media/live/read-recording.ts'
import { scaleTicks } from '../../lib/ticks.ts'
import { LIVE_TIMESCALE } from '../../media/live/units.ts'
import type { CutList } from './cut-list.ts'
import type { Rendition } from './rendition.ts'

type Tables = { readonly cuts: CutList; readonly renditions: readonly Rendition[] }

/** Fills the tables of a package that has just been made with the recording's formats. */
export function restoreTables(tables: Tables, recording: FoundRecording, startedUs: number): void {
  const leading = recording.video === null ? 'audio' : 'video'
  const kindOf = ({ trackId }: FoundFragment) => (trackId === PICTURE_TRACK_ID ? 'video' : 'audio')
  const cuts = recording.fragments.filter(
    (fragment) => fragment.startsSegment && kindOf(fragment) === leading,
  )
  for (const fragment of recording.fragments) {
    const kind = kindOf(fragment)
    const rendition = tables.renditions.find((candidate) => candidate.kind === kind)
    if (rendition === undefined) continue
    // Sound of a segment whose first pictures were lost belongs to the one before.
    const starts = fragment.startsSegment && rendition.endSegment < cuts.length
    if (starts && kind === leading) {
      const ticks = scaleTicks(fragment.decodeTime, LIVE_TIMESCALE, rendition.timescale)
      tables.cuts.push(ticks, fragment.afterGap, startedUs + Math.round((ticks * 1e6) / LIVE_TIMESCALE))
      if (fragment.changedTo !== null) {
        rendition.addInit(fragment.changedTo, fragment.trackId, rendition.endSegment)
      }
    }
    rendition.restore(fragment, starts)
  }
}
