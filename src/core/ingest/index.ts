/** What others may import from `core/ingest`. */
export { failIngest, type IngestDeps, ingestSource } from './ingest-source.ts'
