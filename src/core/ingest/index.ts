/** What others may import from `core/ingest`. */
export { type RetryDeps, retryVideo } from './retry-video.ts'
export { failIngest, type IngestDeps, ingestSource } from './ingest-source.ts'
