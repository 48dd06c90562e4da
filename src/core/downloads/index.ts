/** What others may import from `core/downloads`. */
export { type BuildDeps, buildDownload, giveUpDownloadFile } from './build-download.ts'
export {
  createDownload,
  deleteDownload,
  type DownloadDeps,
  type DownloadRequest,
  enqueueDownloads,
  getDownloads,
  remakeDownloads,
} from './create-download.ts'
export { type Download, DOWNLOAD_FILES, type DownloadType, type OpenedDownload } from './download.ts'
export { failDownloads } from './download-records.ts'
export { parseFileName } from './file-name.ts'
export { layoutFile, type LayoutQuestion } from './layout-file.ts'
export { openDownload } from './open-download.ts'
