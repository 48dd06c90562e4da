/** Files of a video to download (playback.md §4.2). */

import { type DownloadType, openDownload, parseFileName } from '../../core/downloads/index.ts'
import { downloadCaching, type Playable, type Playables } from '../../core/playback/index.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Db } from '../../tables.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, viewerRoute } from './viewer.ts'

export type DownloadRouteDeps = SendDeps & { readonly db: Db; readonly playables: Playables }

/** `/<id>/downloads/default.mp4` and `audio.m4a`. */
export function downloadRoutes(deps: DownloadRouteDeps): readonly ByteRoute[] {
  return [
    route(deps, /^\/(?<id>[^/]+)\/downloads\/default\.mp4$/, 'default'),
    route(deps, /^\/(?<id>[^/]+)\/downloads\/audio\.m4a$/, 'audio'),
  ]
}

function route(deps: DownloadRouteDeps, pattern: RegExp, type: DownloadType): ByteRoute {
  return viewerRoute(pattern, async (request, incoming, outgoing) => {
    const playable = await findReady(deps.playables, request)
    allowPage(outgoing, playable, incoming)
    const name = parseFileName(request.query.get('filename'), playable.video.uid)
    const opened = await openDownload(deps, playable, type)
    outgoing.setHeader('content-disposition', `attachment; filename="${name}${opened.extension}"`)
    await sendBody(deps, incoming, outgoing, { ...opened, cacheControl: downloadCaching(playable) })
  })
}

/** Any page may offer a file: allowed origins are about playing (playback.md §7). */
async function findReady(playables: Playables, { params, viewer }: ByteRequest): Promise<Playable> {
  try {
    return await playables.find({ id: params.id ?? '', viewer })
  } catch (error) {
    // A file can only be asked for once its video is ready.
    if (!isFailure(error, 'video_not_playable_yet')) throw error
    throw new HeadwaterError('not_found', 'There is no such file of this video.', { cause: error })
  }
}
