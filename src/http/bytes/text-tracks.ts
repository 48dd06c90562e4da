/** Captions as players load them: half a minute at a time for HLS, all of it for DASH. */

import type { TextTracks } from '../../core/captions/index.ts'
import { bytesBody, countTextPieces, type Playables, segmentCaching } from '../../core/playback/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { ByteRoute } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, requestOrigin, viewerRoute } from './viewer.ts'

export type TextTrackRouteDeps = SendDeps & { readonly playables: Playables; readonly texts: TextTracks }

/** `/<id>/<rendition>/<n>.vtt` and `/<id>/<rendition>/whole.vtt`. */
export function textTrackRoutes(deps: TextTrackRouteDeps): readonly ByteRoute[] {
  return [
    viewerRoute(TEXT_PATH, async (request, incoming, outgoing) => {
      const { id = '', rendition = '', number } = request.params
      const playable = await deps.playables.find({
        id,
        viewer: request.viewer,
        from: requestOrigin(request, incoming),
        recentEnough: true,
      })
      allowPage(outgoing, playable, incoming)
      const piece = number === undefined ? 'whole' : Number(number)
      const pieces = countTextPieces(playable.timeline)
      if (piece !== 'whole' && piece >= pieces) {
        throw new HeadwaterError('not_found', `The captions have ${pieces} pieces, from 0.`)
      }
      await sendBody(deps, incoming, outgoing, {
        body: bytesBody(await deps.texts.open(playable.video.uid, rendition, piece)),
        contentType: 'text/vtt; charset=utf-8',
        cacheControl: segmentCaching(playable),
        // Captions that replace others have another id.
        etag: `"${rendition}-${piece}"`,
      })
    }),
  ]
}

const TEXT_PATH = /^\/(?<id>[^/]+)\/(?<rendition>[^/]+)\/(?:whole|(?<number>\d{1,9}))\.vtt$/
