/**
 * How many videos and seconds each account and each of its creators has, kept by the transaction that changes them, so
 * that asking costs one row. Rules: uploads.md §8.
 */

import { sql } from 'kysely'
import type { Db, Trx } from '../../tables.ts'
import type { Video } from './video.ts'

type Counted = Pick<Video, 'accountId' | 'creator' | 'durationSeconds' | 'state'>

/** Seconds a video takes of the allocation: its duration rounded up, nothing while unknown, live or failed. */
export function countedSeconds(video: Pick<Video, 'durationSeconds' | 'state'>): number {
  if (video.state === 'error' || video.state === 'live-inprogress') return 0
  return Math.ceil(video.durationSeconds ?? 0)
}

/** Books the change from `before` to `after`; `null` = there is no video before, or after. */
export async function countChange(trx: Trx, before: Counted | null, after: Counted | null): Promise<void> {
  await addToTotal(trx, (after ?? before)?.accountId, {
    videos: Number(after !== null) - Number(before !== null),
    seconds: secondsOf(after) - secondsOf(before),
  })
  const sameCreator = before !== null && after !== null && before.creator === after.creator
  if (sameCreator) {
    await add(trx, after, { videos: 0, seconds: secondsOf(after) - secondsOf(before) })
    return
  }
  if (before !== null) await add(trx, before, { videos: -1, seconds: -secondsOf(before) })
  if (after !== null) await add(trx, after, { videos: 1, seconds: secondsOf(after) })
}

function secondsOf(video: Counted | null): number {
  return video === null ? 0 : countedSeconds(video)
}

/** What the counters say of an account, or of one creator (`''`: of videos without one). */
export async function countersOf(
  db: Db,
  accountId: string,
  creator?: string,
): Promise<{ readonly videoCount: number; readonly seconds: number }> {
  const row =
    creator === undefined
      ? await db
          .selectFrom('storage_totals')
          .select(['video_count', 'seconds'])
          .where('account_id', '=', accountId)
          .executeTakeFirst()
      : await db
          .selectFrom('storage_counters')
          .select(['video_count', 'seconds'])
          .where('account_id', '=', accountId)
          .where('creator', '=', creator)
          .executeTakeFirst()
  return { videoCount: row?.video_count ?? 0, seconds: row?.seconds ?? 0 }
}

async function addToTotal(
  trx: Trx,
  accountId: string | undefined,
  change: { videos: number; seconds: number },
): Promise<void> {
  if (accountId === undefined || (change.videos === 0 && change.seconds === 0)) return
  await trx
    .insertInto('storage_totals')
    .values({ account_id: accountId, video_count: change.videos, seconds: change.seconds })
    .onConflict((conflict) =>
      conflict.column('account_id').doUpdateSet({
        video_count: sql<number>`storage_totals.video_count + excluded.video_count`,
        seconds: sql<number>`storage_totals.seconds + excluded.seconds`,
      }),
    )
    .execute()
}

async function add(trx: Trx, of: Counted, change: { videos: number; seconds: number }): Promise<void> {
  if (change.videos === 0 && change.seconds === 0) return
  await trx
    .insertInto('storage_counters')
    .values({
      account_id: of.accountId,
      creator: of.creator ?? '',
      video_count: change.videos,
      seconds: change.seconds,
    })
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'creator']).doUpdateSet({
        video_count: sql<number>`storage_counters.video_count + excluded.video_count`,
        seconds: sql<number>`storage_counters.seconds + excluded.seconds`,
      }),
    )
    .execute()
}
