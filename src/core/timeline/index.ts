/** What others may import from `core/timeline`. */
export { type AddedSound, languageOfLabel, listAddedSounds, UNKNOWN_LANGUAGE } from './added-sounds.ts'
export {
  bumpRevision,
  deletePlan,
  insertPlan,
  markComplete,
  reopenPlan,
  replacePlan,
  repointPlans,
} from './plan-records.ts'
export type { SegmentSource, SegmentTimes, Timeline, Track } from './timeline.ts'
export { assembleTimeline } from './assemble.ts'
export { describeIndex, type OwnPictures, type SourceIndex, SourceIndexes } from './source-indexes.ts'
export { type LoadedTimeline, Timelines, type WantedSegment } from './timeline-cache.ts'
export {
  getPlanRow,
  getRevision,
  listChunkRows,
  listPlansOfBlob,
  listRenditionRows,
  type PlanRow,
} from './timeline-records.ts'
