/** Writing plans. They are read through `timeline-records.ts`. */

import { sql } from 'kysely'
import type { BlobName } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import type { Plan } from '../planning/index.ts'

/** Adds the plan of a video, revision 1. */
export async function insertPlan(
  trx: Trx,
  row: { uid: string; plan: Plan; mediaBlob: BlobName; indexBlob: BlobName | null; complete: boolean },
): Promise<void> {
  await trx
    .insertInto('plans')
    .values({
      video_uid: row.uid,
      revision: 1,
      plan: JSON.stringify(row.plan),
      media_blob: row.mediaBlob,
      index_blob: row.indexBlob,
      complete: row.complete ? 1 : 0,
    })
    .execute()
}

/** Tells readers that something changed which a player could notice. */
export async function bumpRevision(trx: Trx, uid: string): Promise<void> {
  await trx
    .updateTable('plans')
    .set({ revision: sql<number>`revision + 1` })
    .where('video_uid', '=', uid)
    .execute()
}

/** Replaces the plan (renditions were given up, or are made by another decoder) and bumps the revision. */
export async function replacePlan(trx: Trx, uid: string, plan: Plan): Promise<void> {
  await trx
    .updateTable('plans')
    .set({ plan: JSON.stringify(plan), revision: sql<number>`revision + 1` })
    .where('video_uid', '=', uid)
    .execute()
}

/** Replaces the plan of a video of which something is to be made again, however complete it was. */
export async function reopenPlan(trx: Trx, uid: string, plan: Plan): Promise<void> {
  await replacePlan(trx, uid, plan)
  await trx.updateTable('plans').set({ complete: 0 }).where('video_uid', '=', uid).execute()
}

/** Every chunk of every rendition is there. */
export async function markComplete(trx: Trx, uid: string): Promise<void> {
  await trx
    .updateTable('plans')
    .set({ complete: 1, revision: sql<number>`revision + 1` })
    .where('video_uid', '=', uid)
    .execute()
}

/**
 * Lets plans that name the media or index blob `from` name `to` instead; answers their videos, several where clips share
 * those of their source.
 */
export async function repointPlans(trx: Trx, from: BlobName, to: BlobName): Promise<readonly string[]> {
  const uids: string[] = []
  for (const column of ['media_blob', 'index_blob'] as const) {
    const rows = await trx
      .updateTable('plans')
      .set({ [column]: to, revision: sql<number>`revision + 1` })
      .where(column, '=', from)
      .returning('video_uid')
      .execute()
    uids.push(...rows.map((row) => row.video_uid))
  }
  return uids
}

/** Forgets the plan; answers the blobs it named. */
export async function deletePlan(trx: Trx, uid: string): Promise<readonly string[]> {
  const rows = await trx
    .deleteFrom('plans')
    .where('video_uid', '=', uid)
    .returning(['media_blob', 'index_blob'])
    .execute()
  return rows.flatMap(({ media_blob, index_blob }) => [media_blob, index_blob ?? []].flat())
}
