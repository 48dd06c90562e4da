/** What others may import from `core/planning`. */
export { asUnreadable } from './as-unreadable.ts'
export {
  chunkOf,
  gridFrames,
  passOf,
  planChunks,
  planRendition,
  renditionsOfPass,
  REORDER_PICTURES,
} from './encode-plan.ts'
export { planEncodedSound } from './encoded-sound.ts'
export { findRate, gridTicks, gridTimescale, reduce } from './frame-rate.ts'
export { planLadder, type Rung } from './ladder.ts'
export type { PlanSettings } from './make-plan.ts'
export { buildPacketListArgs, PACKET_LIST } from './packet-times.ts'
export { pictureTimes, type PictureTimes, segmentSamples, windowTimes } from './passthrough-times.ts'
export {
  type AudioRendition,
  type Cuts,
  edgeSegments,
  type EncodeChunk,
  encodedSegments,
  type FrameTimes,
  type JoinedCoding,
  mediaCuts,
  type Mark,
  type Plan,
  planDurationSeconds,
  type Rational,
  segmentCount,
  type SourcePicture,
  type SourceSound,
  startTicksOf,
  type VideoRendition,
  type Window,
} from './plan.ts'
export { type ClipPlan, type ClipPictures, type ClipRange, planClip } from './plan-clip.ts'
export {
  LONGEST_SECONDS,
  longestSegment,
  planCutsFromSync,
  planCutsOnGrid,
  planSoundCuts,
  SEGMENT_SECONDS,
  soundFrameCount,
  type SoundGrid,
} from './plan-cuts.ts'
export { type Blame, undecodable } from './picture-faults.ts'
export { type Planned, refuseCutShort, requirePicture } from './plan-source.ts'
export type { EarlyAnswer } from './plan-early.ts'
export { createPlanner, ingestWorks, type Planner } from './planner.ts'
export { buildReportArgs, type DecoderReport, readReport } from './read-report.ts'
export { buildStreamsArgs, type FileStream, readStreams } from './read-streams.ts'
export type { MediaBlob } from './source-facts.ts'
