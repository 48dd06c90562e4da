/**
 * The `delivery` role: manifests, segments, images, files to download and pages. It only reads, but for the pictures it
 * has made, which are kept after they were sent.
 */

import type { TextTracks } from '../core/captions/index.ts'
import type { LiveLookup, LiveViewers } from '../core/live-packaging/index.ts'
import { Lifecycles, LivePlayables, type Playback, type RunningBroadcasts } from '../core/playback/index.ts'
import { createStoryboards, createThumbnails } from '../core/thumbnails/index.ts'
import { BufferPool } from '../http/bytes/buffer-pool.ts'
import { downloadRoutes } from '../http/bytes/downloads.ts'
import { lifecycleRoutes } from '../http/bytes/lifecycle.ts'
import { imageRoutes } from '../http/bytes/images.ts'
import { instantClipRoutes } from '../http/bytes/instant-clips.ts'
import { liveSegmentRoutes } from '../http/bytes/live-segments.ts'
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
  readonly broadcasts: RunningBroadcasts
  /** The built player and dashboard; `undefined` when they have not been built. */
  readonly files: StaticFiles | undefined
  /** What is live; absent where this process takes no broadcasts. */
  readonly live?: { readonly lookup: LiveLookup; readonly viewers: LiveViewers } | undefined
}

/** Creates the role. */
export function createDeliveryRole(deps: DeliveryRoleDeps): Role {
  const { playback } = deps
  const thumbnails = createThumbnails({ ...deps, ...playback })
  const bodies = { blobs: playback.sources, buffers: new BufferPool() }
  const sending = { ...playback, texts: deps.texts, ...bodies }
  const live = deps.live && {
    ...bodies,
    clock: deps.clock,
    live: new LivePlayables({ admissions: playback.admissions, live: deps.live.lookup }),
    viewers: deps.live.viewers,
  }
  return {
    name: 'delivery',
    routes: [
      // First those that the first letters after the id tell: a token need not be read through to find another's end.
      ...manifestRoutes({ ...sending, live }),
      ...segmentRoutes({ ...sending, segments: playback, live }),
      ...(live === undefined ? [] : liveSegmentRoutes(live)),
      ...textTrackRoutes(sending),
      ...instantClipRoutes({ ...sending, segments: playback, live }),
      ...imageRoutes({
        ...sending,
        thumbnails,
        storyboards: createStoryboards({ ...deps, ...playback }),
      }),
      ...downloadRoutes({ ...sending, db: deps.db }),
      ...metadataRoutes(playback),
      ...lifecycleRoutes({ lifecycles: new Lifecycles(deps) }),
      ...pageRoutes({ ...deps, ...playback }),
    ],
    async start() {},
    stop: () => thumbnails.settle(),
  }
}
