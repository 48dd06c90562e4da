/** What others may import from `core/copy`. */
export type { CopyDeps, DownloadDeps } from './copy.ts'
export { type CopyProgress, copyProgress } from './copy-progress.ts'
export { createCopy, type NewCopy } from './create-copy.ts'
export { downloadSource, giveUpDownload } from './download-source.ts'
