/**
 * What an account, or one of its creators, takes of its allocation (uploads.md §8): the videos whose duration is known,
 * from counters, and what is promised to those that are still to come. Promises are not counted anywhere: they follow
 * from the videos' own states and times, so none can be forgotten, freed twice, or outlive its link.
 */

import { type SqlBool, sql } from 'kysely'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Db } from '../../tables.ts'
import { countersOf } from './storage-counters.ts'
import { MOST_DURATION_SECONDS } from './video-fields.ts'

export type StorageUsage = {
  /** Seconds of the videos whose duration is known, each rounded up. */
  readonly storedSeconds: number
  /** Seconds promised to uploads whose duration is not known yet. */
  readonly reservedSeconds: number
  /** Minutes the account may hold; null = unlimited. */
  readonly allocatedMinutes: number | null
  /** Videos in all states. */
  readonly videoCount: number
}

export type StorageQuestion = {
  readonly accountId: string
  /** Only what this one has; absent = all of the account. */
  readonly creator?: string
  /** Links that have expired by now promise nothing. */
  readonly nowUs: number
  /** Allocation in minutes of an account that has none of its own; null or 0 = unlimited. */
  readonly storageMinutes: number | null
}

/** Adds up what is stored and what is promised. */
export async function storageUsage(db: Db, question: StorageQuestion): Promise<StorageUsage> {
  const { accountId, creator } = question
  const allocatedMinutes = await allocationOf(db, question)
  const [{ seconds, videoCount }, promised] = await Promise.all([
    countersOf(db, accountId, creator),
    reservedSeconds(db, question, allocatedMinutes !== null),
  ])
  return { storedSeconds: seconds, reservedSeconds: promised, allocatedMinutes, videoCount }
}

/**
 * Throws `storage_exhausted` when what is in use and promised, and `addSeconds` more, exceed the allocation. Call it in
 * the transaction that inserts the video, so that two cannot both take the last minute.
 */
export async function checkStorage(
  db: Db,
  question: StorageQuestion & { addSeconds: number },
): Promise<void> {
  const { addSeconds } = question
  const allocatedMinutes = await allocationOf(db, question)
  if (allocatedMinutes === null) return
  const usage = await storageUsage(db, question)
  const usedMinutes = (usage.storedSeconds + usage.reservedSeconds) / 60
  if (usedMinutes + addSeconds / 60 <= allocatedMinutes) return
  throw new HeadwaterError(
    'storage_exhausted',
    `${roundMinutes(usedMinutes)} of ${allocatedMinutes} minutes are in use or reserved, ${roundMinutes(addSeconds / 60)} more are asked for; delete videos or raise the limit.`,
    { facts: { usedMinutes: roundMinutes(usedMinutes), allocatedMinutes } },
  )
}

/**
 * What the creators of uploads allowed them, or for a direct upload without a figure the longest there may be, where
 * there is an allocation to exhaust (uploads.md §2.4). It ends when the duration is known, and with the video's failure,
 * deletion or, while nothing has come, expiry.
 */
async function reservedSeconds(db: Db, question: StorageQuestion, isLimited: boolean): Promise<number> {
  const { accountId, creator, nowUs } = question
  const unnamed = isLimited ? MOST_DURATION_SECONDS : 0
  const { seconds } = await db
    .selectFrom('videos')
    .select((select) =>
      select.fn
        .sum<number | string | null>(
          select.fn.coalesce(
            'videos.max_duration_seconds',
            select
              .case()
              .when(
                select.exists(
                  select
                    .selectFrom('uploads')
                    .select('uploads.id')
                    .whereRef('uploads.video_uid', '=', 'videos.uid')
                    .where('uploads.direct', '=', 1),
                ),
              )
              .then(unnamed)
              .else(0)
              .end(),
          ),
        )
        .as('seconds'),
    )
    .where('videos.account_id', '=', accountId)
    // Literally as in the condition of the index `videos_awaited`, or SQLite cannot know that it fits.
    .where(sql<SqlBool>`videos.state in ('pendingupload', 'downloading', 'queued', 'inprogress')`)
    .where('videos.duration_seconds', 'is', null)
    .$if(creator !== undefined, (query) =>
      creator === ''
        ? query.where('videos.creator', 'is', null)
        : query.where('videos.creator', '=', creator ?? ''),
    )
    .where((where) =>
      where.or([
        where('videos.state', '!=', 'pendingupload'),
        where('videos.upload_expiry_us', 'is', null),
        where('videos.upload_expiry_us', '>', nowUs),
      ]),
    )
    .executeTakeFirstOrThrow()
  // No row sums to null, and PostgreSQL gives sums as text.
  return Number(seconds)
}

/** Minutes the account may hold: its own allocation, else that of the settings; null = unlimited. */
async function allocationOf(db: Db, question: StorageQuestion): Promise<number | null> {
  const row = await db
    .selectFrom('accounts')
    .select('storage_minutes')
    .where('id', '=', question.accountId)
    .executeTakeFirst()
  return (row?.storage_minutes ?? question.storageMinutes) || null
}

function roundMinutes(minutes: number): number {
  return Math.round(minutes * 100) / 100
}
