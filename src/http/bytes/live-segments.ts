/** Segments, parts and init segments of broadcasts, from memory, from the recording, or while they are made. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type LiveAddress,
  type LiveViewers,
  openLive,
  type PlayedBroadcast,
} from '../../core/live-packaging/index.ts'
import {
  type Body,
  bodyOf,
  bytesBody,
  liveSegmentCaching,
  type LivePlayables,
} from '../../core/playback/index.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import type { ByteRequest, ByteRoute } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, requestOrigin, viewerRoute } from './viewer.ts'

export type LiveSegmentDeps = SendDeps & {
  readonly live: LivePlayables
  readonly clock: Clock
  readonly viewers: LiveViewers
}

type Exchange = {
  readonly request: ByteRequest
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** What only broadcasts have: `/<id>/<rendition>/<n>.<part>.m4s`, `/<id>/<rendition>/init-<n>.mp4`, and the server's time. */
export function liveSegmentRoutes(deps: LiveSegmentDeps): readonly ByteRoute[] {
  return [
    viewerRoute(LIVE_PATH, async (request, incoming, outgoing) => {
      const { rendition = '', segment, part, index } = request.params
      const what =
        index === undefined
          ? { kind: 'part' as const, segment: Number(segment), part: Number(part) }
          : { kind: 'init' as const, index: Number(index) }
      if (await answerLiveSegment(deps, { rendition, what }, { request, incoming, outgoing })) return
      throw new HeadwaterError('not_found', 'There is no such part.')
    }),
    viewerRoute(/^\/headwater\/time$/, async (_request, _incoming, outgoing) => {
      outgoing.setHeader('access-control-allow-origin', '*')
      outgoing.setHeader('cache-control', 'no-store')
      outgoing.setHeader('content-type', 'text/plain; charset=utf-8')
      outgoing.end(new Date(Math.floor(deps.clock.nowUs() / 1_000)).toISOString())
    }),
  ]
}

/** Answers bytes of a broadcast; false: the id names none, or it has no such rendition while its video may. */
export async function answerLiveSegment(
  deps: LiveSegmentDeps,
  address: LiveAddress,
  { request, incoming, outgoing }: Exchange,
): Promise<boolean> {
  const asked = {
    id: request.params.id ?? '',
    viewer: request.viewer,
    from: requestOrigin(request, incoming),
    recentEnough: true,
  }
  const found = await deps.live.find(asked)
  const broadcast = found?.broadcast
  if (found === undefined || !broadcast) return false
  if (!found.byInput && broadcast.package.find(address.rendition) === undefined) return false
  const { revision } = broadcast.package
  const opened = await openLive(broadcast.package, address, { clock: deps.clock, signal: request.signal })
  // It may have waited for the part, and the viewer's token have ended or been revoked meanwhile.
  if (broadcast.package.revision !== revision) await deps.live.find(asked)
  allowPage(outgoing, found, incoming)
  if (request.method === 'GET') {
    deps.viewers.note(broadcast.inputUid, {
      address: request.viewer.address ?? '',
      userAgent: incoming.headers['user-agent'] ?? '',
    })
  }
  const contentType = `${opened.rendition.kind}/mp4`
  const cacheControl = liveSegmentCaching(found)
  if (opened.from === 'making') {
    outgoing.setHeader('content-type', contentType)
    outgoing.setHeader('cache-control', cacheControl)
    await sendPieces(request, outgoing, opened.pieces)
    return true
  }
  const body: Body =
    opened.from === 'memory'
      ? bytesBody(opened.bytes)
      : bodyOf(opened.ranges.map((range) => ({ blob: broadcast.package.id, range })))
  const answer = { body, contentType, cacheControl, etag: opened.etag }
  await sendBody({ ...deps, blobs: recordingOf(broadcast) }, incoming, outgoing, answer)
  return true
}

/** Where the bytes of a broadcast are read that are in memory no longer. */
function recordingOf(broadcast: PlayedBroadcast) {
  return { open: () => broadcast.openRecording() }
}

/** As they come; no faster than the client takes them. A client that is too slow is cut by the connection's own limits. */
async function sendPieces(
  request: ByteRequest,
  outgoing: ServerResponse,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (request.method === 'HEAD') {
    outgoing.end()
    return
  }
  try {
    for await (const piece of pieces) {
      if (outgoing.destroyed) return
      if (!outgoing.write(piece)) await drained(outgoing)
    }
    outgoing.end()
  } catch (error) {
    // A cut answer is seen as a failure, a short one is not.
    if (outgoing.headersSent) outgoing.destroy()
    throw error
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off('drain', done)
      outgoing.off('close', done)
      resolve()
    }
    outgoing.once('drain', done)
    outgoing.once('close', done)
  })
}

const LIVE_PATH =
  /^\/(?<id>[^/]+)\/(?<rendition>[^/]+)\/(?:init-(?<index>\d{1,6})\.mp4|(?<segment>\d{1,9})\.(?<part>\d{1,6})\.m4s)$/
