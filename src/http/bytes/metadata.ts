/** What players show beside a video (playback.md §4.3). */

import type { Admissions } from '../../core/playback/index.ts'
import type { ByteRoute } from '../route.ts'
import { sendJson } from '../send-json.ts'
import { viewerRoute } from './viewer.ts'

/** `/<id>/metadata/playerEnhancementInfo.json`: the video's `publicDetails`, `{}` if it has none. */
export function metadataRoutes(deps: { readonly admissions: Admissions }): readonly ByteRoute[] {
  const pattern = /^\/(?<id>[^/]+)\/metadata\/playerEnhancementInfo\.json$/
  return [
    viewerRoute(pattern, async ({ params, viewer }, incoming, outgoing) => {
      // On any page: allowed origins are about playing (playback.md §7).
      const { video, restricted } = await deps.admissions.admit({ id: params.id ?? '', viewer })
      // What an edit changes is to be seen at once.
      const cacheControl = restricted ? 'private, no-store' : 'no-cache'
      sendJson(incoming, outgoing, video.publicDetails ?? {}, cacheControl)
    }),
  ]
}
