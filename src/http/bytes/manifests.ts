/** Manifests: what a player asks for first. */

import type { OfferedText, TextTracks } from '../../core/captions/index.ts'
import {
  type ClipWindow,
  fitClip,
  parseClip,
  parseClipOfRendition,
  parsePreview,
} from '../../core/live-packaging/index.ts'
import {
  bytesBody,
  manifestCaching,
  mediaPlaylistText,
  mpdText,
  multivariantText,
  requireRecording,
  type Playable,
  type Playables,
} from '../../core/playback/index.ts'
import { isFailure } from '../../lib/failure.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'
import {
  answerIdleInput,
  answerLiveManifest,
  lastSeconds,
  type LiveManifestDeps,
  type ManifestName,
  sayPreview,
} from './live-manifests.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, requestOrigin, viewerRoute } from './viewer.ts'
import { WrittenManifests } from './written-manifests.ts'

export type ManifestDeps = SendDeps & {
  readonly playables: Playables
  readonly texts: TextTracks
  /** Broadcasts; absent where nothing is ever live. */
  readonly live?: LiveManifestDeps | undefined
}

/** `/<id>/manifest/video.m3u8`, `/<id>/manifest/video.mpd`, and `/<id>/manifest/<rendition>.m3u8`. */
export function manifestRoutes(deps: ManifestDeps): readonly ByteRoute[] {
  const kept = { ...deps, written: new WrittenManifests() }
  return [
    route(kept, /^\/(?<id>[^/]+)\/manifest\/video\.m3u8$/, 'multivariant', multivariantText),
    route(kept, /^\/(?<id>[^/]+)\/manifest\/video\.mpd$/, 'mpd', mpdText),
    route(kept, /^\/(?<id>[^/]+)\/manifest\/clip\.m3u8$/, 'clip', multivariantText),
    route(
      kept,
      /^\/(?<id>[^/]+)\/manifest\/(?<rendition>[^/]+)\.m3u8$/,
      'media',
      (playable, query, texts, request) =>
        mediaPlaylistText(playable, request.params.rendition ?? '', query, texts),
    ),
  ]
}

type ManifestQuery = {
  readonly clientBandwidthHint: string | null
  readonly parentOrigin: string | null
  readonly clip: ClipWindow | null
}
type WriteManifest = (
  playable: Playable,
  query: ManifestQuery,
  texts: readonly OfferedText[],
  request: ByteRequest,
) => string

function route(
  deps: ManifestDeps & { readonly written: WrittenManifests },
  pattern: RegExp,
  kind: ManifestName['kind'],
  write: WriteManifest,
): ByteRoute {
  return viewerRoute(pattern, async (request, incoming, outgoing) => {
    const exchange = { request, incoming, outgoing }
    const { rendition = '' } = request.params
    const name = kind === 'media' ? { kind, rendition } : { kind }
    if (deps.live !== undefined && (await answerLiveManifest(deps.live, name, exchange))) return
    let playable: Playable
    try {
      playable = await deps.playables.find({
        id: request.params.id ?? '',
        viewer: request.viewer,
        from: requestOrigin(request, incoming),
        evenEarly: true,
      })
    } catch (error) {
      const isInput = deps.live !== undefined && kind !== 'clip' && isFailure(error, 'not_found')
      if (isInput && (await answerIdleInput(deps.live, exchange))) return
      throw error
    }
    allowPage(outgoing, playable, incoming)
    const clip = clipOf(kind, playable, request.query)
    if (clip !== null && kind === 'multivariant') sayPreview(outgoing, clip, playable.video.uid)
    const query = {
      clip,
      clientBandwidthHint: request.query.get('clientBandwidthHint'),
      parentOrigin: request.query.get('parentOrigin'),
    }
    const texts = await deps.texts.list(playable.video.uid)
    const key = JSON.stringify([request.path, query, texts])
    const manifest = deps.written.get(playable.timeline, key, () => write(playable, query, texts, request))
    // What is kept for the same words has no headers of its own.
    const keep = playable.early === null && !playable.dependsOnViewer && clip === null
    await sendBody(deps, incoming, outgoing, {
      body: bytesBody(manifest.bytes),
      contentType: kind === 'mpd' ? DASH : HLS,
      cacheControl: manifestCaching(playable),
      etag: manifest.etag,
      ...(keep && { onWhole: (text: string) => request.keepAnswer(text, playable.secondsLeft) }),
    })
  })
}

/** The stretch that an address asks for (live.md §7); other videos than recordings know no clips. Throws `bad_request`. */
function clipOf(kind: ManifestName['kind'], playable: Playable, query: URLSearchParams): ClipWindow | null {
  if (kind === 'clip') {
    requireRecording(playable)
    return fitClip(parseClip(query), playable.timeline.durationSeconds)
  }
  if (kind === 'mpd' || playable.video.liveInput === null) return null
  if (kind === 'media') return parseClipOfRendition(query)
  const preview = parsePreview(query)
  return preview === null ? null : lastSeconds(playable.timeline.durationSeconds, preview)
}

const HLS = 'application/vnd.apple.mpegurl'
const DASH = 'application/dash+xml'
