/** Init and media segments: what a player asks for all the time. */

import { openSegment, type Playables, type SegmentDeps, segmentCaching } from '../../core/playback/index.ts'
import type { ByteRoute } from '../route.ts'
import { answerLiveSegment, type LiveSegmentDeps } from './live-segments.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, requestOrigin, viewerRoute } from './viewer.ts'

export type SegmentRouteDeps = SendDeps & {
  readonly playables: Playables
  readonly segments: SegmentDeps
  /** Broadcasts; absent where nothing is ever live. */
  readonly live?: LiveSegmentDeps | undefined
}

/** `/<id>/<rendition>/init.mp4` and `/<id>/<rendition>/<n>.m4s`. */
export function segmentRoutes(deps: SegmentRouteDeps): readonly ByteRoute[] {
  return [
    viewerRoute(SEGMENT_PATH, async (request, incoming, outgoing) => {
      const { id = '', rendition = '', number } = request.params
      if (deps.live !== undefined) {
        const what =
          number === undefined
            ? { kind: 'init' as const, index: 0 }
            : { kind: 'segment' as const, segment: Number(number) }
        if (await answerLiveSegment(deps.live, { rendition, what }, { request, incoming, outgoing })) return
      }
      const playable = await deps.playables.find({
        id,
        viewer: request.viewer,
        from: requestOrigin(request, incoming),
        recentEnough: true,
        evenEarly: true,
      })
      allowPage(outgoing, playable, incoming)
      const segment = number === undefined ? 'init' : Number(number)
      const opened = await openSegment(deps.segments, {
        playable,
        rendition,
        segment,
        signal: request.signal,
      })
      await sendBody(deps, incoming, outgoing, {
        body: opened.body,
        contentType: `${opened.kind}/mp4`,
        cacheControl: segmentCaching(playable),
        // A rendition that is made again has another id, so its name and the number say which bytes these are.
        etag: `"${opened.rendition}-${segment}"`,
      })
    }),
  ]
}

const SEGMENT_PATH = /^\/(?<id>[^/]+)\/(?<rendition>[^/]+)\/(?:init\.mp4|(?<number>\d{1,9})\.m4s)$/
