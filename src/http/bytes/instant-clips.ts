/** Files of instant clips: `/<video>/clip.mp4?time=600s&duration=30s` (live.md §7). */

import { createHash } from 'node:crypto'
import { parseFileName } from '../../core/downloads/index.ts'
import { parseClip } from '../../core/live-packaging/index.ts'
import {
  type Admitted,
  type BlobSource,
  type Body,
  clipBroadcast,
  clipRecording,
  liveManifestCaching,
  type LivePlayables,
  type Playables,
  requireRecording,
  type SegmentDeps,
} from '../../core/playback/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { ByteRoute } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, requestOrigin, viewerRoute } from './viewer.ts'

export type InstantClipDeps = SendDeps & {
  readonly playables: Playables
  readonly segments: SegmentDeps
  readonly live?: { readonly live: LivePlayables } | undefined
}

/** The route; the playlists of clips are among the manifests. */
export function instantClipRoutes(deps: InstantClipDeps): readonly ByteRoute[] {
  return [
    viewerRoute(/^\/(?<id>[^/]+)\/clip\.mp4$/, async (request, incoming, outgoing) => {
      const asked = {
        id: request.params.id ?? '',
        viewer: request.viewer,
        from: requestOrigin(request, incoming),
      }
      const running = await deps.live?.live.find(asked)
      if (running?.byInput === true) throw new HeadwaterError('not_found', 'There is no such video.')
      let found: Pick<Admitted, 'grants' | 'restricted'> & { readonly checkedOrigin: string | undefined }
      let uid: string
      let file: { readonly body: Body; readonly blobs: BlobSource }
      if (running?.broadcast && !running.isReady) {
        found = running
        uid = running.broadcast.videoUid
        requireDownload(found)
        file = await clipBroadcast(running.broadcast, parseClip(request.query))
      } else {
        const playable = await deps.playables.find(asked)
        found = playable
        uid = playable.video.uid
        requireRecording(playable)
        requireDownload(found)
        const segments = { ...deps.segments, sources: deps.blobs }
        const body = await clipRecording(segments, playable, parseClip(request.query), request.signal)
        file = { body, blobs: deps.blobs }
      }
      const name = parseFileName(request.query.get('filename'), uid)
      allowPage(outgoing, found, incoming)
      outgoing.setHeader('content-disposition', `attachment; filename="${name}.mp4"`)
      await sendBody({ ...deps, blobs: file.blobs }, incoming, outgoing, {
        body: file.body,
        contentType: 'video/mp4',
        cacheControl: liveManifestCaching(found, 60),
        etag: etagOf(file.body),
      })
    }),
  ]
}

function requireDownload({ grants }: Pick<Admitted, 'grants'>): void {
  if (grants.downloadable) return
  throw new HeadwaterError('playback_refused', 'The token in the address does not allow downloads.')
}

/** The index tells every sample and its time: the same index, the same file. */
function etagOf({ parts: [head] }: Body): string {
  const bytes = head instanceof Uint8Array ? head : new Uint8Array(0)
  return `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
}
