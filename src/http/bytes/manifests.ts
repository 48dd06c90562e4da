/** Manifests: what a player asks for first. */

import type { OfferedText, TextTracks } from '../../core/captions/index.ts'
import {
  bytesBody,
  manifestCaching,
  mediaPlaylistText,
  mpdText,
  multivariantText,
  type Playable,
  type Playables,
} from '../../core/playback/index.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, requestOrigin, viewerRoute } from './viewer.ts'
import { WrittenManifests } from './written-manifests.ts'

export type ManifestDeps = SendDeps & { readonly playables: Playables; readonly texts: TextTracks }

/** `/<id>/manifest/video.m3u8`, `/<id>/manifest/video.mpd`, and `/<id>/manifest/<rendition>.m3u8`. */
export function manifestRoutes(deps: ManifestDeps): readonly ByteRoute[] {
  const kept = { ...deps, written: new WrittenManifests() }
  return [
    route(kept, /^\/(?<id>[^/]+)\/manifest\/video\.m3u8$/, HLS, multivariantText),
    route(kept, /^\/(?<id>[^/]+)\/manifest\/video\.mpd$/, DASH, mpdText),
    route(
      kept,
      /^\/(?<id>[^/]+)\/manifest\/(?<rendition>[^/]+)\.m3u8$/,
      HLS,
      (playable, query, texts, request) =>
        mediaPlaylistText(playable, request.params.rendition ?? '', query, texts),
    ),
  ]
}

type ManifestQuery = { readonly clientBandwidthHint: string | null; readonly parentOrigin: string | null }
type WriteManifest = (
  playable: Playable,
  query: ManifestQuery,
  texts: readonly OfferedText[],
  request: ByteRequest,
) => string

function route(
  deps: ManifestDeps & { readonly written: WrittenManifests },
  pattern: RegExp,
  contentType: string,
  write: WriteManifest,
): ByteRoute {
  return viewerRoute(pattern, async (request, incoming, outgoing) => {
    const playable = await deps.playables.find({
      id: request.params.id ?? '',
      viewer: request.viewer,
      from: requestOrigin(request, incoming),
      evenEarly: true,
    })
    allowPage(outgoing, playable, incoming)
    const query = {
      clientBandwidthHint: request.query.get('clientBandwidthHint'),
      parentOrigin: request.query.get('parentOrigin'),
    }
    const texts = await deps.texts.list(playable.video.uid)
    const name = JSON.stringify([request.path, query, texts])
    const manifest = deps.written.get(playable.timeline, name, () => write(playable, query, texts, request))
    const keep = playable.early === null && !playable.dependsOnViewer
    await sendBody(deps, incoming, outgoing, {
      body: bytesBody(manifest.bytes),
      contentType,
      cacheControl: manifestCaching(playable),
      etag: manifest.etag,
      ...(keep && { onWhole: (text: string) => request.keepAnswer(text, playable.secondsLeft) }),
    })
  })
}

const HLS = 'application/vnd.apple.mpegurl'
const DASH = 'application/dash+xml'
