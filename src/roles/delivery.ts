/**
 * The `delivery` role: manifests, segments, images, files to download and pages. It only reads, but for the pictures it
 * has made, which are kept after they were sent.
 */

import type { TextTracks } from '../core/captions/index.ts'
import type { Playback } from '../core/playback/index.ts'
import { createStoryboards, createThumbnails } from '../core/thumbnails/index.ts'
import { BufferPool } from '../http/bytes/buffer-pool.ts'
import { downloadRoutes } from '../http/bytes/downloads.ts'
import { imageRoutes } from '../http/bytes/images.ts'
import { manifestRoutes } from '../http/bytes/manifests.ts'
import { metadataRoutes } from '../http/bytes/metadata.ts'
import { segmentRoutes } from '../http/bytes/segments.ts'
import { textTrackRoutes } from '../http/bytes/text-tracks.ts'
import { pageRoutes } from '../http/pages.ts'
import type { StaticFiles } from '../http/static-files.ts'
import type { Log } from '../lib/log.ts'
import type { Clock, Decoder } from '../ports.ts'
import type { Db } from '../tables.ts'
import type { Role } from './role.ts'

export type DeliveryRoleDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  readonly playback: Playback
  readonly texts: TextTracks
  readonly decoder: Decoder
  /** The built player and dashboard; `undefined` when they have not been built. */
  readonly files: StaticFiles | undefined
}

/** Creates the role. */
export function createDeliveryRole(deps: DeliveryRoleDeps): Role {
  const { playback } = deps
  const thumbnails = createThumbnails({ ...deps, ...playback })
  const sending = { ...playback, texts: deps.texts, blobs: playback.sources, buffers: new BufferPool() }
  return {
    name: 'delivery',
    routes: [
      ...segmentRoutes({ ...sending, segments: playback }),
      ...textTrackRoutes(sending),
      ...manifestRoutes(sending),
      ...imageRoutes({
        ...sending,
        thumbnails,
        storyboards: createStoryboards({ ...deps, ...playback }),
      }),
      ...downloadRoutes({ ...sending, db: deps.db }),
      ...metadataRoutes(playback),
      ...pageRoutes({ ...deps, ...playback }),
    ],
    async start() {},
    stop: () => thumbnails.settle(),
  }
}
