/** Puts the parts of playback together, once per process. */

import type { Blobs, Clock } from '../../ports.ts'
import type { Early, EarlyTimelines } from '../early/index.ts'
import type { Db } from '../../tables.ts'
import { type SourceIndexes, Timelines, type WantedSegment } from '../timeline/index.ts'
import { Admissions } from './admit.ts'
import type { BlobSource } from './body.ts'
import { SegmentCutter } from './cut-segment.ts'
import { Playables } from './find-playable.ts'
import { PopularBodies } from './popular-bodies.ts'

export type PlaybackDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly clock: Clock
  readonly indexes: SourceIndexes
  readonly early: Early
  /** Asks for a segment to be encoded before everything else; `core/encoding` offers it. */
  readonly requestSegment: (wanted: WantedSegment) => Promise<void>
}

/** All that routes and thumbnails need of playback. */
export type Playback = {
  readonly blobs: Blobs
  /** Where what is sent is read from: blobs, and sources that are still arriving. */
  readonly sources: BlobSource
  readonly early: EarlyTimelines
  readonly admissions: Admissions
  readonly playables: Playables
  readonly timelines: Timelines
  readonly indexes: SourceIndexes
  readonly cutter: SegmentCutter
  readonly popular: PopularBodies
}

/** Makes it; it holds caches only and needs no closing. */
export function createPlayback(deps: PlaybackDeps): Playback {
  const timelines = new Timelines(deps)
  const admissions = new Admissions(deps)
  return {
    blobs: deps.blobs,
    sources: deps.early.sources,
    early: deps.early.timelines,
    admissions,
    playables: new Playables({ admissions, timelines, early: deps.early.timelines }),
    timelines,
    indexes: deps.indexes,
    cutter: new SegmentCutter(deps.indexes),
    popular: new PopularBodies(deps.early.sources),
  }
}
