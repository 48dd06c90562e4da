/** What lies in the data folder, beside the secrets. */

import { join } from 'node:path'

/** Paths inside a data folder. */
export type DataFolder = {
  /** The records; its lock is the folder's. */
  readonly databaseFile: string
  /** Published blobs and drafts. */
  readonly blobsFolder: string
  /** Folders of running decoders; emptied at each start. */
  readonly workFolder: string
}

/** Where everything lies under `dataDir`. */
export function dataFolder(dataDir: string): DataFolder {
  return {
    databaseFile: join(dataDir, 'headwater.sqlite'),
    blobsFolder: join(dataDir, 'blobs'),
    workFolder: join(dataDir, 'work'),
  }
}
