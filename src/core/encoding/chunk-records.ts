/** Finished chunks and renditions. They are read through `core/timeline`'s records; this is where they are written. */

import { assert, HeadwaterError } from '../../lib/failure.ts'
import type { BlobFacts, Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { encodedSegments, type Plan, type VideoRendition } from '../planning/index.ts'
import { bumpRevision } from '../timeline/index.ts'
import { recordBlob, releaseBlobs } from '../videos/index.ts'

/** A run of finished segments of one rendition, published as one blob. */
export type FinishedChunk = {
  readonly uid: string
  readonly rendition: string
  readonly firstSegment: number
  readonly blob: BlobFacts
  /** Byte length of each segment, in order from the blob's start. */
  readonly segmentBytes: readonly number[]
  /** The rendition's init segment; recorded with its first chunk. Without checksums when it was there already. */
  readonly init: BlobFacts
  readonly codec: string
}

/**
 * Records a chunk and tells readers. Answers `false` without recording when the same first segment is there already:
 * a waiting viewer's run was faster, and its addresses may be in caches.
 */
export async function recordChunk(trx: Trx, clock: Clock, chunk: FinishedChunk): Promise<boolean> {
  const { uid, rendition } = chunk
  const taken = await trx
    .selectFrom('chunks')
    .select('blob')
    .where('video_uid', '=', uid)
    .where('rendition', '=', rendition)
    .where('first_segment', '=', chunk.firstSegment)
    .executeTakeFirst()
  if (taken !== undefined) return false
  await requireSameInit(trx, chunk)
  await recordBlob(trx, clock, uid, chunk.init)
  await recordBlob(trx, clock, uid, chunk.blob)
  await trx
    .insertInto('renditions')
    .values({ video_uid: uid, rendition, init_blob: chunk.init.name, codec: chunk.codec })
    .onConflict((conflict) => conflict.columns(['video_uid', 'rendition']).doNothing())
    .execute()
  await trx
    .insertInto('chunks')
    .values({
      video_uid: uid,
      rendition,
      first_segment: chunk.firstSegment,
      segment_count: chunk.segmentBytes.length,
      blob: chunk.blob.name,
      segment_bytes: JSON.stringify(chunk.segmentBytes),
      created_us: clock.nowUs(),
    })
    .execute()
  await bumpRevision(trx, uid)
  return true
}

/** Two first chunks may have raced to publish the init segment; what the second wrote must be what the first did. */
async function requireSameInit(trx: Trx, { init, rendition }: FinishedChunk): Promise<void> {
  const recorded = await trx
    .selectFrom('blobs')
    .select(['size_bytes', 'checksums'])
    .where('name', '=', init.name)
    .executeTakeFirst()
  if (recorded === undefined || init.checksums.byteLength === 0) return
  const same = recorded.size_bytes === init.sizeBytes && isEqual(recorded.checksums, init.checksums)
  if (!same) {
    throw new HeadwaterError('decoder_failed', `Two chunks of ${rendition} have different headers.`, {
      facts: { rendition, reason: 'header' },
    })
  }
}

function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.byteLength === right.byteLength && left.every((byte, index) => byte === right[index])
}

/** Which segments of each rendition are there. */
export type FinishedSegments = ReadonlyMap<string, ReadonlySet<number>>

/** Reads what is finished of a video. */
export async function findFinished(db: Db, uid: string): Promise<FinishedSegments> {
  const rows = await db
    .selectFrom('chunks')
    .select(['rendition', 'first_segment', 'segment_count'])
    .where('video_uid', '=', uid)
    .execute()
  const finished = new Map<string, Set<number>>()
  for (const row of rows) {
    const segments = finished.get(row.rendition) ?? new Set<number>()
    for (let index = 0; index < row.segment_count; index += 1) segments.add(row.first_segment + index)
    finished.set(row.rendition, segments)
  }
  return finished
}

/** Removes what was recorded of a rendition; answers the blobs nobody names any more, to be deleted after the commit. */
export async function dropRendition(trx: Trx, uid: string, rendition: string): Promise<string[]> {
  const chunks = await trx
    .deleteFrom('chunks')
    .where('video_uid', '=', uid)
    .where('rendition', '=', rendition)
    .returning('blob')
    .execute()
  const inits = await trx
    .deleteFrom('renditions')
    .where('video_uid', '=', uid)
    .where('rendition', '=', rendition)
    .returning('init_blob')
    .execute()
  return await releaseBlobs(trx, [
    ...chunks.map(({ blob }) => blob),
    ...inits.map(({ init_blob }) => init_blob),
  ])
}

/** Number of segments of a rendition that are encoded. */
export function segmentsOf(plan: Plan, rendition: string): number {
  if (plan.audio?.id === rendition) return plan.audio.made === 'encoded' ? plan.audio.cuts.length - 1 : 0
  const picture = plan.video.find(({ id }) => id === rendition)
  assert(picture !== undefined, `The plan has no rendition ${rendition}.`)
  return encodedSegments(plan, picture).length
}

/** The segments of a picture rendition that need not be encoded any more, among them those that never were to be. */
export function madeSegments(
  plan: Plan,
  rendition: VideoRendition,
  finished: FinishedSegments,
): ReadonlySet<number> {
  const has = finished.get(rendition.id) ?? new Set()
  if (rendition.made !== 'passthrough') return has
  const missing = new Set(encodedSegments(plan, rendition).filter((segment) => !has.has(segment)))
  return new Set(Array.from({ length: plan.cuts.length - 1 }, (_, n) => n).filter((n) => !missing.has(n)))
}

/** Whether all of a rendition is there. */
export function isWhole(plan: Plan, rendition: string, finished: FinishedSegments): boolean {
  return (finished.get(rendition)?.size ?? 0) === segmentsOf(plan, rendition)
}

/** The renditions that are encoded, with the number of their segments. */
export function encodedRenditions(plan: Plan): { id: string; segments: number; kind: 'video' | 'audio' }[] {
  const pictures = plan.video
    .map(({ id }) => ({ id, segments: segmentsOf(plan, id), kind: 'video' as const }))
    .filter(({ segments }) => segments > 0)
  if (plan.audio?.made !== 'encoded') return pictures
  return [...pictures, { id: plan.audio.id, segments: segmentsOf(plan, plan.audio.id), kind: 'audio' }]
}

/** Whether everything that is to be encoded is there. */
export function isComplete(plan: Plan, finished: FinishedSegments): boolean {
  return encodedRenditions(plan).every(({ id, segments }) => (finished.get(id)?.size ?? 0) === segments)
}

/** Whether the first segment of picture and sound can be served. */
export function isPlayable(plan: Plan, finished: FinishedSegments): boolean {
  const has = (id: string): boolean => finished.get(id)?.has(0) ?? false
  // The init segment of a passthrough with encoded edges comes with one of these.
  const picture = plan.video.some(
    (rendition) =>
      madeSegments(plan, rendition, finished).has(0) &&
      (encodedSegments(plan, rendition).length === 0 || finished.has(rendition.id)),
  )
  const sound = plan.audio === null || plan.audio.made === 'passthrough' || has(plan.audio.id)
  return picture && sound
}

/** Refuses to mix two decoders in a rendition: their headers may differ where nobody looks. */
export function requireSameDecoder(plan: Plan, build: string): void {
  if (plan.decoder === build) return
  throw new HeadwaterError(
    'decoder_failed',
    `The video was planned with ${plan.decoder}, and this is ${build}; what is missing is planned again.`,
    { facts: { planned: plan.decoder, present: build } },
  )
}
