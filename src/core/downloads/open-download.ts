/** From a playable video to the bytes of one of its files. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Blobs } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { bodyOf, type Playable } from '../playback/index.ts'
import { findDownload } from './create-download.ts'
import { type Download, DOWNLOAD_FILES, type DownloadType, type OpenedDownload } from './download.ts'
import { openSource } from './open-source.ts'

/** While a file is made: about as long as one takes. */
const RETRY_AFTER_SECONDS = 5

/**
 * The file of that type; for a viewer who is granted the original, the source in place of the MP4. Throws
 * `playback_refused` when the token in the address does not let files be downloaded, `not_found` unless the file is ready
 * (with `Retry-After` while it is made).
 */
export async function openDownload(
  deps: { readonly db: Db; readonly blobs: Pick<Blobs, 'open'> },
  { video, grants }: Pick<Playable, 'video' | 'grants'>,
  type: DownloadType,
): Promise<OpenedDownload> {
  if (!grants.downloadable) {
    throw new HeadwaterError(
      'playback_refused',
      'The token in the address lets the video be watched, not downloaded (it has no `downloadable`).',
    )
  }
  const source = type === 'default' && grants.original ? await openSource(deps, video.uid) : undefined
  if (source !== undefined) return source
  const download = await findDownload(deps.db, video.uid, type)
  if (!download?.blob) throw noSuchFile(download)
  const { name, sizeBytes } = download.blob
  return {
    body: bodyOf([{ blob: name, range: { start: 0, end: sizeBytes } }]),
    ...DOWNLOAD_FILES[type],
    etag: `"${download.id}"`,
  }
}

function noSuchFile(download: Download | undefined): HeadwaterError {
  if (download?.state !== 'inprogress') {
    return new HeadwaterError(
      'not_found',
      'There is no such file of this video; it is made when the API is asked for it (POST …/downloads).',
    )
  }
  const sentence = `The file is being made, ${download.percentComplete} % of it is done.`
  return new HeadwaterError('not_found', sentence, { facts: { retryAfterSeconds: RETRY_AFTER_SECONDS } })
}
