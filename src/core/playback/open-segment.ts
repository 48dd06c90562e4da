/** SegmentSource → bytes of known length. */

import type { ByteRange } from '../../lib/byte-range.ts'
import { assert, HeadwaterError } from '../../lib/failure.ts'
import { restampHead, STAMP_BYTES } from '../../media/cmaf/restamp-head.ts'
import type { Blobs } from '../../ports.ts'
import type { SegmentSource, Timelines, Track } from '../timeline/index.ts'
import { type Body, bodyOf, bytesBody, openRecorded } from './body.ts'
import type { SegmentCutter } from './cut-segment.ts'
import type { Playable } from './find-playable.ts'
import { findTrack } from './manifests.ts'
import type { PopularBodies } from './popular-bodies.ts'

export type SegmentDeps = {
  readonly blobs: Blobs
  readonly timelines: Timelines
  readonly cutter: SegmentCutter
  readonly popular: PopularBodies
}

/** A segment to send. */
export type OpenedSegment = {
  readonly body: Body
  readonly kind: Track['kind']
  /** Its present id, which says with its number which bytes these are. */
  readonly rendition: string
}

export type SegmentRequest = {
  readonly playable: Playable
  readonly rendition: string
  /** `init`, or the segment's number. */
  readonly segment: number | 'init'
  readonly signal: AbortSignal
}

/**
 * The bytes of a segment or init segment, waiting up to 8 s for one that is not encoded yet. Throws `not_found`,
 * `segment_not_ready`, `blob_damaged` or the abort reason.
 */
export async function openSegment(deps: SegmentDeps, request: SegmentRequest): Promise<OpenedSegment> {
  const { playable, segment } = request
  const track = findTrack(playable.timeline, request.rendition)
  const open = () =>
    segment === 'init'
      ? initBody(deps, request, track)
      : sourceBody(deps, request, track, segment, track.segment(segment))
  // Until it is acknowledged, what was uploaded may be sent again, and differ.
  const body =
    playable.early === null
      ? await deps.popular.get(`${playable.video.uid}/${track.id}/${segment}`, open)
      : await open()
  return { body, kind: track.kind, rendition: track.id }
}

async function sourceBody(
  deps: SegmentDeps,
  request: SegmentRequest,
  track: Track,
  segment: number,
  source: SegmentSource,
): Promise<Body> {
  if (source.from === 'stored') return await storedBody(deps.blobs, source, segment)
  if (source.from === 'cut') {
    const body = await deps.cutter.cut(request.playable, track, source.segment)
    await request.playable.early?.waitFor(endInSource(body), request.signal)
    return body
  }
  const made = await deps.timelines.waitForSegment(
    { uid: request.playable.video.uid, renditionId: track.id, segment: source.segment },
    { signal: request.signal },
  )
  return sourceBody(deps, request, track, segment, made)
}

/** Bytes of a blob; of a segment that is shared the first ones say where it lies in this video. */
async function storedBody(
  blobs: Blobs,
  { blob, range, shiftTicks }: Extract<SegmentSource, { from: 'stored' }>,
  segment: number,
): Promise<Body> {
  if (shiftTicks === 0) return bodyOf([{ blob, range }])
  const first = await readFirst(blobs, blob, range)
  const rest = { start: range.start + first.byteLength, end: range.end }
  return bodyOf([restampHead(first, { shiftTicks, sequence: segment + 1 }), { blob, range: rest }])
}

async function readFirst(blobs: Blobs, blob: string, { start, end }: ByteRange): Promise<Uint8Array> {
  const reader = await openRecorded(blobs, blob)
  try {
    const bytes = new Uint8Array(Math.min(STAMP_BYTES, end - start))
    const got = await reader.read(bytes, start)
    if (got === bytes.byteLength) return bytes
    throw new HeadwaterError(
      'blob_damaged',
      `${bytes.byteLength} bytes of ${blob} were expected, ${got} came.`,
    )
  } finally {
    await reader.close()
  }
}

/** End of the last byte of the source that a body has. */
function endInSource({ parts }: Body): number {
  return parts.reduce((end, part) => (part instanceof Uint8Array ? end : Math.max(end, part.range.end)), 0)
}

async function initBody(deps: SegmentDeps, request: SegmentRequest, track: Track): Promise<Body> {
  if (track.init.from === 'cut') return bytesBody(await deps.cutter.init(request.playable, track))
  if (track.init.from === 'stored') return blobBody(deps.blobs, track.init.blob)
  // The init segment comes with the first chunk, and any segment brings one.
  const wanted = { uid: request.playable.video.uid, renditionId: track.id, segment: 0 }
  await deps.timelines.waitForSegment(wanted, { signal: request.signal })
  const loaded = await deps.timelines.get(request.playable.video.uid, 1_000)
  const init = loaded && findTrack(loaded.timeline, track.id).init
  assert(init?.from === 'stored', `rendition ${track.id} has segments but no init segment`)
  return blobBody(deps.blobs, init.blob)
}

/** A whole blob; its size is asked from the store, since init segments have no size in their record. */
async function blobBody(blobs: Blobs, blob: string): Promise<Body> {
  const reader = await openRecorded(blobs, blob)
  await reader.close()
  return bodyOf([{ blob, range: { start: 0, end: reader.sizeBytes } }])
}
