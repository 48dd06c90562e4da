/**
 * How many videos and seconds each creator has, kept by the transaction that changes them, so that asking costs one
 * row. Rules: uploads.md §8.
 */

import { sql } from 'kysely'
import type { Trx } from '../../tables.ts'
import type { Video } from './video.ts'

type Counted = Pick<Video, 'accountId' | 'creator' | 'durationSeconds' | 'state'>

/** Seconds a video takes of the allocation: its duration rounded up, nothing while unknown, live or failed. */
export function countedSeconds(video: Pick<Video, 'durationSeconds' | 'state'>): number {
  if (video.state === 'error' || video.state === 'live-inprogress') return 0
  return Math.ceil(video.durationSeconds ?? 0)
}

/** Books the change from `before` to `after`; `null` = there is no video before, or after. */
export async function countChange(trx: Trx, before: Counted | null, after: Counted | null): Promise<void> {
  const sameCreator = before !== null && after !== null && before.creator === after.creator
  if (sameCreator) {
    await add(trx, after, { videos: 0, seconds: countedSeconds(after) - countedSeconds(before) })
    return
  }
  if (before !== null) await add(trx, before, { videos: -1, seconds: -countedSeconds(before) })
  if (after !== null) await add(trx, after, { videos: 1, seconds: countedSeconds(after) })
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
