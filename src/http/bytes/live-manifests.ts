/** Manifests of what is live: by the uid of an input or of a broadcast's video (live.md §6). */

import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type ClipWindow,
  findRendition,
  fitClip,
  liveClipPlaylistText,
  type LiveManifestRequest,
  liveMpdText,
  liveMultivariantText,
  type LivePackage,
  livePlaylistText,
  parseClip,
  parseClipOfRendition,
  parsePreview,
  parseReload,
  type PlayedBroadcast,
  waitForReload,
  waitUntil,
} from '../../core/live-packaging/index.ts'
import {
  broadcastSeconds,
  bytesBody,
  liveManifestCaching,
  type LivePlayables,
  type PlayableLive,
} from '../../core/playback/index.ts'
import { BoundedCache } from '../../lib/bounded-cache.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Clock } from '../../ports.ts'
import { CodedForms } from '../content-coding.ts'
import type { ByteRequest } from '../route.ts'
import { type SendDeps, sendBody } from './send.ts'
import { allowPage, requestOrigin } from './viewer.ts'

export type LiveManifestDeps = SendDeps & { readonly live: LivePlayables; readonly clock: Clock }

/** Which manifest an address names; the rendition's id for a media playlist. */
export type ManifestName =
  | { readonly kind: 'multivariant' | 'mpd' | 'clip' }
  | { readonly kind: 'media'; readonly rendition: string }

type Exchange = {
  readonly request: ByteRequest
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/** Answers the manifest of a broadcast; false: the id names none, or what is asked for is the video's own by now. */
export async function answerLiveManifest(
  deps: LiveManifestDeps,
  name: ManifestName,
  exchange: Exchange,
): Promise<boolean> {
  const { request, incoming, outgoing } = exchange
  const found = await deps.live.find(viewOf(exchange))
  const broadcast = found?.broadcast
  if (found === undefined || !broadcast) return false
  const pack = broadcast.package
  if (!found.byInput && isOwnByNow(found, pack, name, request)) return false
  await waitUntil(pack, () => pack.isPlayable, {
    clock: deps.clock,
    ms: FIRST_SEGMENT_MS,
    signal: request.signal,
  })
  if (!pack.isPlayable || isOver(found, pack, name, request)) {
    answerIdle(found, exchange)
    return true
  }
  // Clips are cut from the video, by its uid (live.md §7).
  if (found.byInput && name.kind === 'clip') throw new HeadwaterError('not_found', 'There is no such video.')
  const clip = clipOf(broadcast, name, request.query)
  const reload = name.kind === 'media' && clip === null ? parseReload(request.query) : null
  if (name.kind === 'media' && reload !== null) {
    const { signal } = request
    const { revision } = pack
    await waitForReload(pack, findRendition(pack, name.rendition), reload, { clock: deps.clock, signal })
    // While it waited the viewer's token may have ended or been revoked, or the input been closed to him.
    if (pack.revision !== revision) await deps.live.find(viewOf(exchange))
  }
  const seconds = reload !== null && reload.segment !== null ? 6 * pack.targetDuration : 1
  const written = write(broadcast, name, { ...found, ...exchange, clip, nowUs: deps.clock.nowUs() })
  if (clip !== null && name.kind === 'multivariant') sayPreview(outgoing, clip, broadcast.videoUid)
  allowPage(outgoing, found, incoming)
  if (written.isLong) outgoing.appendHeader('vary', 'Accept-Encoding')
  const { bytes, etag, coding } = await written.for(incoming.headers['accept-encoding'] ?? '')
  if (coding !== undefined) outgoing.setHeader('content-encoding', coding)
  await sendBody(deps, incoming, outgoing, {
    body: bytesBody(bytes),
    contentType: name.kind === 'mpd' ? 'application/dash+xml' : 'application/vnd.apple.mpegurl',
    cacheControl: liveManifestCaching(found, seconds),
    etag,
  })
  return true
}

/** Answers 204 where the id is that of an input; false where it is of none. */
export async function answerIdleInput(deps: LiveManifestDeps, exchange: Exchange): Promise<boolean> {
  const found = await deps.live.findIdle(viewOf(exchange)).catch((error: unknown) => {
    if (isFailure(error, 'not_found')) return undefined
    throw error
  })
  if (found === undefined) return false
  answerIdle(found, exchange)
  return true
}

function answerIdle(found: PlayableLive, { incoming, outgoing }: Exchange): void {
  allowPage(outgoing, found, incoming)
  outgoing.setHeader('cache-control', liveManifestCaching(found))
  outgoing.writeHead(204).end()
}

function viewOf({ request, incoming }: Exchange) {
  return { id: request.params.id ?? '', viewer: request.viewer, from: requestOrigin(request, incoming) }
}

/** The stretch that an address asks for; null where it asks for everything. Throws `bad_request`. */
function clipOf(broadcast: PlayedBroadcast, name: ManifestName, query: URLSearchParams): ClipWindow | null {
  if (name.kind === 'mpd') return null
  if (name.kind === 'media') return parseClipOfRendition(query)
  const seconds = broadcastSeconds(broadcast)
  if (name.kind === 'clip') return fitClip(parseClip(query), seconds)
  const preview = parsePreview(query)
  return preview === null ? null : lastSeconds(seconds, preview)
}

/** The last part of something. */
export function lastSeconds(wholeSeconds: number, preview: number): ClipWindow {
  const startSeconds = Math.round(Math.max(0, wholeSeconds - preview) * 1_000) / 1_000
  return { startSeconds, durationSeconds: Math.min(preview, Math.ceil(wholeSeconds * 1_000) / 1_000) }
}

/** What a preview says of itself (live.md §7). */
export function sayPreview(outgoing: ServerResponse, clip: ClipWindow, videoUid: string): void {
  outgoing.setHeader('preview-start-seconds', String(clip.startSeconds))
  outgoing.setHeader('stream-media-id', videoUid)
}

/** The recording is a video like others: who comes now gets that; who watched goes on with what he has. */
function isOwnByNow(
  found: PlayableLive,
  pack: LivePackage,
  name: ManifestName,
  { query }: ByteRequest,
): boolean {
  if (name.kind === 'media') return pack.find(name.rendition) === undefined
  return found.isReady && pack.ended && query.get('broadcast') !== pack.id
}

/** By its uid an input is idle again; who watches the broadcast that has ended asks for what is its own. */
function isOver(found: PlayableLive, pack: LivePackage, name: ManifestName, { query }: ByteRequest): boolean {
  return found.byInput && pack.ended && name.kind !== 'media' && query.get('broadcast') !== pack.id
}

type Written = { readonly state: string; readonly forms: CodedForms }

/** A crowd that asks for the same playlist is answered from memory. */
const writtenOf = new WeakMap<LivePackage, BoundedCache<string, Written>>()

function write(
  broadcast: PlayedBroadcast,
  name: ManifestName,
  found: PlayableLive & Exchange & { readonly nowUs: number; readonly clip: ClipWindow | null },
): CodedForms {
  const pack = broadcast.package
  const kept = writtenOf.get(pack) ?? new BoundedCache<string, Written>(MOST_WRITTEN)
  writtenOf.set(pack, kept)
  const { request } = found
  const asked = { ...manifestRequest(broadcast, found), clip: found.clip }
  const skip = request.query.get('_HLS_skip') !== null
  // In playlists of HLS all addresses are relative, so everybody with a token of his own gets the same.
  const address = name.kind === 'mpd' ? [request.publicUrl, request.path, request.query.toString()] : []
  const key = JSON.stringify([name, asked, skip, ...address])
  const state = stateOf(pack, name, asked)
  const known = kept.peek(key)
  if (known?.state === state) return known.forms
  const bytes = Buffer.from(textOf(pack, name, { asked, skip, found }))
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
  const forms = new CodedForms(bytes, etag)
  kept.set(key, { state, forms })
  return forms
}

/** What a manifest of the same words depends on: as long as it stays, so does the text. */
function stateOf(
  pack: LivePackage,
  name: ManifestName,
  { dvr, lowLatency, clip }: LiveManifestRequest,
): string {
  if (name.kind !== 'media' || !dvr || lowLatency || clip) return String(pack.revision)
  // The whole broadcast without parts: long, and another only with another segment.
  const { completeSegment, firstAvailable } = findRendition(pack, name.rendition)
  return [firstAvailable, completeSegment, pack.targetDuration, pack.ended].join(' ')
}

function textOf(
  pack: LivePackage,
  name: ManifestName,
  {
    asked,
    skip,
    found,
  }: {
    asked: LiveManifestRequest
    skip: boolean
    found: { readonly request: ByteRequest; readonly nowUs: number }
  },
): string {
  if (name.kind === 'multivariant' || name.kind === 'clip') return liveMultivariantText(pack, asked)
  if (name.kind === 'media') {
    const { clip } = asked
    if (clip) return liveClipPlaylistText(pack, name.rendition, { ...asked, clip })
    return livePlaylistText(pack, name.rendition, { ...asked, skip })
  }
  const { request, nowUs } = found
  const query = new URLSearchParams(request.query)
  query.set('broadcast', pack.id)
  return liveMpdText(pack, {
    ...asked,
    nowUs,
    location: `${request.publicUrl}${encodeURI(request.path)}?${query.toString()}`,
    timeAddress: `${request.publicUrl}/headwater/time`,
  })
}

function manifestRequest(broadcast: PlayedBroadcast, { id, secondsLeft, request }: PlayableLive & Exchange) {
  const { query } = request
  return {
    // A token is not repeated in every line: it is the folder that the manifest lies in.
    folder: secondsLeft === null ? `../../${encodeURIComponent(id)}` : '..',
    lowLatency: broadcast.lowLatency && query.get('protocol') === 'llhls',
    dvr: query.get('dvrEnabled') === 'true',
    clientBandwidthHint: query.get('clientBandwidthHint'),
    parentOrigin: query.get('parentOrigin'),
  }
}

/** How long a viewer waits who comes before the first segment is complete. */
const FIRST_SEGMENT_MS = 4_000
/** Of one broadcast, in bytes; more than all usual ones of eight hours. */
const MOST_WRITTEN = { maxWeight: 8 * 1024 * 1024, weigh: ({ forms }: Written) => forms.sizeBytes + 1_024 }
