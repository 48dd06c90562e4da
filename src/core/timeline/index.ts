/** What others may import from `core/timeline`. */
export { type PictureTimes, pictureTimes, segmentSamples } from './passthrough-times.ts'
export {
  type AudioRendition,
  type Cuts,
  type EncodeChunk,
  type FrameTimes,
  type Plan,
  planDurationSeconds,
  type Rational,
  type SourcePicture,
  type SourceSound,
  segmentCount,
  type VideoRendition,
} from './plan.ts'
export {
  LONGEST_SECONDS,
  longestSegment,
  planCutsFromSync,
  planCutsOnGrid,
  planSoundCuts,
  SEGMENT_SECONDS,
  type SoundGrid,
  soundFrameCount,
} from './plan-cuts.ts'
export { bumpRevision, insertPlan, markComplete, replacePlan } from './plan-records.ts'
export type { SegmentSource, SegmentTimes, Timeline, Track } from './timeline.ts'
export { type LoadedTimeline, Timelines, type WantedSegment } from './timeline-cache.ts'
export {
  getPlanRow,
  getRevision,
  listChunkRows,
  listRenditionRows,
  type PlanRow,
} from './timeline-records.ts'
