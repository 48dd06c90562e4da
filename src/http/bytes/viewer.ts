/** What all requests of viewers share: methods, CORS (playback.md §8), and where they come from. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Playable, RequestOrigin } from '../../core/playback/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { ByteHandler, ByteRequest, ByteRoute } from '../route.ts'

/** A route that answers GET and HEAD by `handle`, and OPTIONS by itself. */
export function viewerRoute(pattern: RegExp, handle: ByteHandler): ByteRoute {
  return {
    pattern,
    failures: 'plain',
    handle: async (request, incoming, outgoing) => {
      if (request.method === 'OPTIONS') {
        answerPreflight(outgoing)
        return
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new HeadwaterError(
          'method_not_allowed',
          `This address answers ${METHODS}, not ${request.method}.`,
          {
            facts: { allow: METHODS },
          },
        )
      }
      await handle(request, incoming, outgoing)
    },
  }
}

/** What the request says about the page it comes from. */
export function requestOrigin(request: ByteRequest, incoming: IncomingMessage): RequestOrigin {
  return {
    origin: incoming.headers.origin,
    referer: incoming.headers.referer,
    parentOrigin: request.query.get('parentOrigin') ?? undefined,
    publicUrl: request.publicUrl,
  }
}

/** Lets pages read the answer: any page, or the one that was checked. */
export function allowPage(
  outgoing: ServerResponse,
  playable: Pick<Playable, 'checkedOrigin'>,
  incoming: IncomingMessage,
): void {
  const restricted = playable.checkedOrigin !== undefined
  // Inside our own player page the request is of the same origin, and the checked one is that of the page around it.
  const page = restricted ? (incoming.headers.origin ?? playable.checkedOrigin) : '*'
  outgoing.setHeader('access-control-allow-origin', page ?? '*')
  outgoing.setHeader('access-control-expose-headers', EXPOSED_HEADERS)
  // A picture in a page of others is asked for without CORS; their pages may demand this word before they show it.
  outgoing.setHeader('cross-origin-resource-policy', 'cross-origin')
  if (restricted) outgoing.setHeader('vary', 'Origin')
}

/** A preflight names no video's rules: they are applied to the request that follows. */
function answerPreflight(outgoing: ServerResponse): void {
  outgoing.setHeader('access-control-allow-origin', '*')
  outgoing.setHeader('access-control-allow-methods', METHODS)
  outgoing.setHeader('access-control-allow-headers', 'Range, If-None-Match, If-Range, Content-Type')
  outgoing.setHeader('access-control-expose-headers', EXPOSED_HEADERS)
  outgoing.setHeader('access-control-max-age', '86400')
  outgoing.writeHead(204).end()
}

const METHODS = 'GET, HEAD, OPTIONS'
const EXPOSED_HEADERS = 'Content-Length, Content-Range, preview-start-seconds, stream-media-id'
