/** What an account, or one of its creators, has stored. */

import type { Db } from '../../tables.ts'

export type StorageUsage = {
  /** Minutes of the videos whose duration is known; reservations are the uploads' business. */
  readonly totalStorageMinutes: number
  /** Videos in all states. */
  readonly videoCount: number
}

/** Adds up the counters of the account, or reads that of `creator`. */
export async function storageUsage(db: Db, accountId: string, creator?: string): Promise<StorageUsage> {
  const { seconds, videos } = await db
    .selectFrom('storage_counters')
    .where('account_id', '=', accountId)
    .$if(creator !== undefined, (query) => query.where('creator', '=', creator ?? ''))
    .select((select) => [
      select.fn.coalesce(select.fn.sum<number | string>('seconds'), select.lit(0)).as('seconds'),
      select.fn.coalesce(select.fn.sum<number | string>('video_count'), select.lit(0)).as('videos'),
    ])
    .executeTakeFirstOrThrow()
  // PostgreSQL gives sums as text.
  return { totalStorageMinutes: Number(seconds) / 60, videoCount: Number(videos) }
}
