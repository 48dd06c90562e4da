/** What others may import from `core/copy`. */
export { checkUrl } from './check-url.ts'
export {
  type CopyDeps,
  type FetchSourceDeps,
  type FetchDeps,
  type FetchedFile,
  type FileChanges,
  noSuchCopy,
} from './copy.ts'
export { type CopyProgress, copyProgress } from './copy-progress.ts'
export { createCopy, type NewCopy } from './create-copy.ts'
export { fetchSource, giveUpCopy } from './fetch-source.ts'
export { changedFileColumns, fileFromRow, newFileColumns } from './file-columns.ts'
export { fetchFile, type FetchRecord, isOriginFailure } from './fetch-file.ts'
