/** What others may import from `core/videos`. */
export { type DeleteDeps, deleteVideo } from './delete-video.ts'
export { checkEdit, editVideo, type VideoEdit, type VideoFields } from './edit-video.ts'
export { type ListQuery, listVideos, type VideoList } from './list-videos.ts'
export { checkStorage, type StorageQuestion, type StorageUsage, storageUsage } from './storage-usage.ts'
export {
  findLeftovers,
  type Leftover,
  type LeftoverOptions,
  removeLeftover,
  sweep,
  sweepLeftovers,
} from './sweep.ts'
export {
  blankVideo,
  type ErrorReasonCode,
  type Json,
  type JsonObject,
  type PublicDetails,
  type Video,
  type VideoState,
} from './video.ts'
export { blobsInUse, releaseBlobs } from './shared-blobs.ts'
export { listEvents, recordEvent, type VideoEvent } from './video-events.ts'
export {
  checkCreator,
  checkMaxDurationSeconds,
  checkMeta,
  checkScheduledDeletion,
  checkThumbnailTimestampPct,
  checkUploadExpiry,
  mergePublicDetails,
  MOST_DURATION_SECONDS,
} from './video-fields.ts'
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
  stepBack,
} from './video-records.ts'
export {
  completeVideo,
  failVideo,
  isAllowedMove,
  type MoveDeps,
  moveVideo,
  requeueVideo,
  type VideoChanges,
} from './video-state.ts'
