/** What others may import from `core/videos`. */
export { type StorageUsage, storageUsage } from './storage-usage.ts'
export type {
  ErrorReasonCode,
  Json,
  JsonObject,
  PublicDetails,
  Video,
  VideoState,
} from './video.ts'
export { listEvents, recordEvent, type VideoEvent } from './video-events.ts'
export {
  countInWork,
  getVideo,
  insertVideo,
  nextCreatedUs,
  recordBlob,
  recordProgress,
  requireVideo,
  type SourceFields,
  setSourceFacts,
} from './video-records.ts'
export { failVideo, isAllowedMove, moveVideo, type VideoChanges } from './video-state.ts'
