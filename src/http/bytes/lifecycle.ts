/** `/<id>/lifecycle` and `/<id>/views`: what players ask while they wait for a broadcast, or show one (live.md §3.1, §3.2). */

import type { Lifecycles } from '../../core/playback/index.ts'
import type { ByteRoute } from '../route.ts'
import { sendJson } from '../send-json.ts'
import { viewerRoute } from './viewer.ts'

/** Answered to anybody, on any page: neither tells more than a player that is let in would show. */
export function lifecycleRoutes({ lifecycles }: { readonly lifecycles: Lifecycles }): readonly ByteRoute[] {
  return [
    viewerRoute(/^\/(?<id>[^/]+)\/lifecycle$/, async ({ params }, incoming, outgoing) => {
      sendJson(incoming, outgoing, await lifecycles.describe(params.id ?? ''), 'no-store')
    }),
    viewerRoute(/^\/(?<id>[^/]+)\/views$/, async ({ params }, incoming, outgoing) => {
      const liveViewers = await lifecycles.countViewers(params.id ?? '')
      sendJson(incoming, outgoing, { liveViewers }, 'no-store')
    }),
  ]
}
