/** What others may import from `core/ingest`. */
export type { AskDeps } from './ask-decoder.ts'
export { remuxAgain } from './inspect-source.ts'
export { type RetryDeps, retryVideo } from './retry-video.ts'
export { failIngest, type IngestDeps, ingestSource } from './ingest-source.ts'
