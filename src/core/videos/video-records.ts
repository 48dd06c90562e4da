/** The queries of single videos. */

import type { BlobFacts, Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import { countChange } from './storage-counters.ts'
import type { Video, VideoState } from './video.ts'
import { insertEvent } from './video-events.ts'
import { videoChangesToRow, videoFromRow, videoToRow } from './video-rows.ts'

/** States that count as work in hand (uploads.md §7). */
const IN_WORK: readonly VideoState[] = ['downloading', 'queued', 'inprogress']

/** How far ahead of the clock a run of videos created in the same microsecond may reach. */
const BURST_US = 1_000_000

/** Adds a video, its first event and its place in the counters. */
export async function insertVideo(trx: Trx, video: Video): Promise<void> {
  await trx.insertInto('videos').values(videoToRow(video)).execute()
  await insertEvent(trx, video, { kind: 'created', detail: { state: video.state }, atUs: video.createdUs })
  await countChange(trx, null, video)
}

/** The video, or `undefined`. */
export async function getVideo(db: Db, uid: string): Promise<Video | undefined> {
  const row = await db.selectFrom('videos').selectAll().where('uid', '=', uid).executeTakeFirst()
  return row && videoFromRow(row)
}

/** The video; throws `not_found` when there is none, or none of `accountId` if given. */
export async function requireVideo(db: Db, uid: string, accountId?: string): Promise<Video> {
  const video = await getVideo(db, uid)
  if (video === undefined || (accountId !== undefined && video.accountId !== accountId)) {
    throw new HeadwaterError('not_found', `There is no video ${uid}; it may have been deleted.`, {
      facts: { uid },
    })
  }
  return video
}

/** The time to create the next video with: now, moved on by as little as makes it unique in the account. */
export async function nextCreatedUs(trx: Trx, clock: Clock, accountId: string): Promise<number> {
  const nowUs = clock.nowUs()
  const row = await trx
    .selectFrom('videos')
    .select((select) => select.fn.max('created_us').as('last_us'))
    .where('account_id', '=', accountId)
    .where('created_us', '>=', nowUs)
    .where('created_us', '<', nowUs + BURST_US)
    .executeTakeFirst()
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- null when there is none
  return row?.last_us == null ? nowUs : row.last_us + 1
}

/** Writes `changes`, keeps the counters, and answers the video as it is now. `modified` always moves forward. */
export async function updateVideo(
  trx: Trx,
  clock: Clock,
  video: Video,
  changes: Partial<Video>,
): Promise<Video> {
  const changed: Video = {
    ...video,
    ...changes,
    modifiedUs: Math.max(clock.nowUs(), video.modifiedUs + 1),
  }
  await trx
    .updateTable('videos')
    .set(videoChangesToRow({ ...changes, modifiedUs: changed.modifiedUs }))
    .where('uid', '=', video.uid)
    .execute()
  await countChange(trx, video, changed)
  return changed
}

/** Raises `pctComplete` of a video that is being encoded; never lowers it. */
export async function recordProgress(db: Db, uid: string, pct: number): Promise<void> {
  const bounded = Math.min(100, Math.max(0, pct))
  await db
    .updateTable('videos')
    .set({ pct_complete: bounded })
    .where('uid', '=', uid)
    .where('state', 'in', ['inprogress', 'ready'])
    .where((where) => where.or([where('pct_complete', 'is', null), where('pct_complete', '<', bounded)]))
    .execute()
}

/** The same, however far it was before: some of what was made is to be made again. */
export async function stepBack(trx: Trx, uid: string, pct: number): Promise<void> {
  await trx
    .updateTable('videos')
    .set({ pct_complete: 0 })
    .where('uid', '=', uid)
    .where('pct_complete', 'is not', null)
    .execute()
  await recordProgress(trx, uid, pct)
}

/** What ingest found in the source. */
export type SourceFields = {
  readonly durationSeconds?: number
  readonly displaySize?: { readonly width: number; readonly height: number }
  readonly sizeBytes?: number
}

/** Writes what is known of the source into the video. Throws `not_found`. */
export async function setSourceFacts(trx: Trx, uid: string, facts: SourceFields): Promise<void> {
  const video = await requireVideo(trx, uid)
  await trx.updateTable('videos').set(videoChangesToRow(facts)).where('uid', '=', uid).execute()
  await countChange(trx, video, { ...video, ...facts })
}

/** Videos of the account that are being fetched, wait, or are being encoded with nothing playable yet. */
export async function countInWork(db: Db, accountId: string): Promise<number> {
  const { count } = await db
    .selectFrom('videos')
    .select((select) => select.fn.countAll<number | string>().as('count'))
    .where('account_id', '=', accountId)
    .where('state', 'in', IN_WORK)
    .executeTakeFirstOrThrow()
  // PostgreSQL gives counts as text.
  return Number(count)
}

/** Records a published blob as the video's; blob before row, so it is there. Recording it again changes nothing. */
export async function recordBlob(trx: Trx, clock: Clock, uid: string, blob: BlobFacts): Promise<void> {
  await trx
    .insertInto('blobs')
    .values({
      name: blob.name,
      video_uid: uid,
      size_bytes: blob.sizeBytes,
      checksums: blob.checksums,
      created_us: clock.nowUs(),
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
}
