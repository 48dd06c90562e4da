/** What happened to a video, in order; each written by the transaction that did it. */

import type { Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import type { JsonObject, Video } from './video.ts'

export type VideoEvent = {
  readonly id: number
  readonly atUs: number
  /** A state that was entered, or `created`, `edited`, `rendition`, `complete` … */
  readonly kind: string
  readonly detail: JsonObject
}

/** Writes down that `kind` happened to `video`. */
export async function recordEvent(
  trx: Trx,
  clock: Clock,
  video: Pick<Video, 'uid' | 'accountId'>,
  event: { kind: string; detail?: JsonObject },
): Promise<void> {
  await insertEvent(trx, video, { ...event, atUs: clock.nowUs() })
}

/** The same, at a given time. */
export async function insertEvent(
  trx: Trx,
  video: Pick<Video, 'uid' | 'accountId'>,
  event: { kind: string; detail?: JsonObject; atUs: number },
): Promise<void> {
  await trx
    .insertInto('video_events')
    .values({
      video_uid: video.uid,
      account_id: video.accountId,
      at_us: event.atUs,
      kind: event.kind,
      detail: JSON.stringify(event.detail ?? {}),
    })
    .execute()
}

/** Whether an event of this kind has happened to a video. */
export async function hasEvent(db: Db, uid: string, kind: string): Promise<boolean> {
  const row = await db
    .selectFrom('video_events')
    .select('id')
    .where('video_uid', '=', uid)
    .where('kind', '=', kind)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Everything that happened to a video, oldest first. */
export async function listEvents(db: Db, uid: string): Promise<readonly VideoEvent[]> {
  const rows = await db
    .selectFrom('video_events')
    .select(['id', 'at_us', 'kind', 'detail'])
    .where('video_uid', '=', uid)
    .orderBy('id')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    atUs: row.at_us,
    kind: row.kind,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `insertEvent` writes the column
    detail: JSON.parse(row.detail) as JsonObject,
  }))
}
