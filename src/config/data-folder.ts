/** What lies in the data folder, beside the secrets. */

import { join } from 'node:path'

/** Paths inside a data folder. */
export type DataFolder = {
  /** The records; its lock is the folder's. */
  readonly databaseFile: string
  /** Where `blobs/` and `drafts/` lie. */
  readonly blobsFolder: string
  /** Folders of running decoders; emptied at each start. */
  readonly workFolder: string
}

/** Where everything lies under `dataDir`. */
export function dataFolder(dataDir: string): DataFolder {
  return {
    databaseFile: join(dataDir, 'headwater.db'),
    blobsFolder: dataDir,
    workFolder: join(dataDir, 'work'),
  }
}
