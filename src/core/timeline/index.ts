/** What others may import from `core/timeline`. */
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
export type { SegmentSource, SegmentTimes, Timeline, Track } from './timeline.ts'
export { type LoadedTimeline, Timelines, type WantedSegment } from './timeline-cache.ts'
export { type PictureTimes, pictureTimes, segmentSamples } from './passthrough-times.ts'
export { getPlanRow, listChunkRows, type PlanRow } from './timeline-records.ts'
