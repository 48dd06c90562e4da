/** What others may import from `core/uploads`. */
export { CHECKSUM_ALGORITHMS, parseUploadChecksum, type UploadChecksum } from './checksum.ts'
export { checkRoomOnDisk, checkUploadLimits } from './check-limits.ts'
export { CHUNK_STEP_BYTES, MAX_CHUNK_BYTES, MAX_UPLOAD_BYTES, MIN_CHUNK_BYTES } from './chunk-rules.ts'
export { completeSource, publishWhole, type WholeSource } from './complete-upload.ts'
export { concatenate, type ConcatenateDeps, giveUpConcatenation } from './concatenate.ts'
export { createFinal, type NewFinal } from './create-final.ts'
export { createUpload, type NewUpload, type NewVideo } from './create-upload.ts'
export { createUploadWithChunk } from './create-with-chunk.ts'
export { findUpload, finishStalledUploads } from './find-upload.ts'
export { type FormFile, formTooLarge, MAX_FORM_BYTES } from './form-file.ts'
export { createFormLink, type HeldFormLink, holdFormLink, type NewFormLink } from './form-link.ts'
export { acceptForm, checkFormUpload } from './form-upload.ts'
export type { Sender } from './hold-upload.ts'
export { type Chunk, type ReceivedChunk, receiveChunk } from './receive-chunk.ts'
export { storeBody, type StoredBody } from './store-body.ts'
export { sweepUploads } from './sweep-uploads.ts'
export { terminateUpload } from './terminate-upload.ts'
export { findTooLong } from './too-long.ts'
export { findArriving } from './upload-records.ts'
export { parseUploadMetadata, type UploadFields } from './tus-metadata.ts'
export { getUpload } from './upload-records.ts'
export {
  DEFAULT_UPLOAD_LIMITS,
  type Upload,
  type UploadAddress,
  type UploadBody,
  type UploadDeps,
  type UploadLimits,
} from './upload.ts'
