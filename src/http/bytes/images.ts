/** Images of a video. */

import { createHash } from 'node:crypto'
import { bytesBody, imageCaching, type Playable, type Playables } from '../../core/playback/index.ts'
import {
  parseAnimationQuery,
  parsePictureQuery,
  type Storyboards,
  type Thumbnails,
} from '../../core/thumbnails/index.ts'
import type { ByteRoute } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, viewerRoute } from './viewer.ts'

export type ImageDeps = SendDeps & {
  readonly playables: Playables
  readonly thumbnails: Thumbnails
  readonly storyboards: Storyboards
}

/** `/<id>/thumbnails/thumbnail.jpg` and `.gif`, `/<id>/headwater/storyboard.vtt` and `.jpg`. */
export function imageRoutes(deps: ImageDeps): readonly ByteRoute[] {
  return [
    route(deps, /^\/(?<id>[^/]+)\/thumbnails\/thumbnail\.jpg$/, 'image/jpeg', (query) => {
      const wanted = parsePictureQuery(query)
      return (playable) => deps.thumbnails.picture(playable, wanted)
    }),
    route(deps, /^\/(?<id>[^/]+)\/thumbnails\/thumbnail\.gif$/, 'image/gif', (query) => {
      const wanted = parseAnimationQuery(query)
      return (playable) => deps.thumbnails.animation(playable, wanted)
    }),
    route(deps, /^\/(?<id>[^/]+)\/headwater\/storyboard\.jpg$/, 'image/jpeg', () => (playable) => {
      return deps.storyboards.sheet(playable)
    }),
    route(
      deps,
      /^\/(?<id>[^/]+)\/headwater\/storyboard\.vtt$/,
      'text/vtt; charset=utf-8',
      () => (playable) => {
        return Buffer.from(deps.storyboards.describe(playable, 'storyboard.jpg'))
      },
    ),
  ]
}

type MakeImage = (playable: Playable) => Promise<Uint8Array> | Uint8Array

/** `read` refuses a bad query before anything is looked up. */
function route(
  deps: ImageDeps,
  pattern: RegExp,
  contentType: string,
  read: (query: URLSearchParams) => MakeImage,
): ByteRoute {
  return viewerRoute(pattern, async (request, incoming, outgoing) => {
    const make = read(request.query)
    // Any page may show a picture: allowed origins are about playing (playback.md §7).
    const playable = await deps.playables.find({ id: request.params.id ?? '', viewer: request.viewer })
    allowPage(outgoing, playable, incoming)
    const bytes = await make(playable)
    await sendBody(deps, incoming, outgoing, {
      body: bytesBody(bytes),
      contentType,
      cacheControl: imageCaching(playable),
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    })
  })
}
