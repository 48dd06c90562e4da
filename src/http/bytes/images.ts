/** Images of a video. */

import { createHash } from 'node:crypto'
import { bytesBody, imageCaching, type Playables } from '../../core/playback/index.ts'
import { parsePictureQuery, type Thumbnails } from '../../core/thumbnails/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { ByteRoute } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, viewerRoute } from './viewer.ts'

export type ImageDeps = SendDeps & { readonly playables: Playables; readonly thumbnails: Thumbnails }

/** `/<id>/thumbnails/thumbnail.jpg` and `.gif`. */
export function imageRoutes(deps: ImageDeps): readonly ByteRoute[] {
  return [
    viewerRoute(/^\/(?<id>[^/]+)\/thumbnails\/thumbnail\.jpg$/, async (request, incoming, outgoing) => {
      const query = parsePictureQuery(request.query)
      // Any page may show a picture: allowed origins are about playing (playback.md §7).
      const playable = await deps.playables.find({ id: request.params.id ?? '', viewer: request.viewer })
      allowPage(outgoing, playable, incoming)
      const bytes = await deps.thumbnails.picture(playable, query)
      await sendBody(deps, incoming, outgoing, {
        body: bytesBody(bytes),
        contentType: 'image/jpeg',
        cacheControl: imageCaching(playable),
        etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
      })
    }),
    viewerRoute(/^\/(?<id>[^/]+)\/thumbnails\/thumbnail\.gif$/, async (request) => {
      await deps.playables.find({ id: request.params.id ?? '', viewer: request.viewer })
      throw new HeadwaterError('not_built_yet', 'Animated thumbnails are not made yet; thumbnail.jpg is.')
    }),
  ]
}
