/** What a timeline is made of, read from the database. Nothing is written here: ingest and encoding do that. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Db } from '../../tables.ts'
import type { ChunkRow, RenditionRow } from './assemble.ts'
import type { Plan } from '../planning/index.ts'

/** A plan with the columns beside it. */
export type PlanRow = {
  readonly revision: number
  readonly plan: Plan
  readonly mediaBlob: string
  readonly indexBlob: string | null
  readonly complete: boolean
}

/** The present revision of a video's plan; undefined while it has none. */
export async function getRevision(db: Db, uid: string): Promise<number | undefined> {
  const row = await db.selectFrom('plans').select('revision').where('video_uid', '=', uid).executeTakeFirst()
  return row?.revision
}

/**
 * The plan of a video; undefined while it has none. Read it before the chunks: rows that are newer than the revision
 * do no harm, the next revision only finds them again.
 */
export async function getPlanRow(db: Db, uid: string): Promise<PlanRow | undefined> {
  const row = await db.selectFrom('plans').selectAll().where('video_uid', '=', uid).executeTakeFirst()
  if (row === undefined) return undefined
  const plan = JSON.parse(row.plan) as Plan
  if (plan.format !== 1) {
    throw new HeadwaterError(
      'internal',
      `Video ${uid} has a plan of format ${String(plan.format)}; this program reads 1.`,
    )
  }
  return {
    revision: row.revision,
    plan,
    mediaBlob: row.media_blob,
    indexBlob: row.index_blob,
    complete: row.complete === 1,
  }
}

/** The plans that name `blob` as their media or index: of its video, and of clips of it. */
export async function listPlansOfBlob(
  db: Db,
  blob: string,
): Promise<{ readonly uid: string; readonly mediaBlob: string }[]> {
  const rows = await db
    .selectFrom('plans')
    .select(['video_uid', 'media_blob'])
    .where((where) => where.or([where('media_blob', '=', blob), where('index_blob', '=', blob)]))
    .execute()
  return rows.map(({ video_uid: uid, media_blob: mediaBlob }) => ({ uid, mediaBlob }))
}

/** The renditions that have an init segment. */
export async function listRenditionRows(db: Db, uid: string): Promise<RenditionRow[]> {
  const rows = await db
    .selectFrom('renditions')
    .select(['rendition', 'init_blob', 'codec'])
    .where('video_uid', '=', uid)
    .execute()
  return rows.map((row) => ({ rendition: row.rendition, initBlob: row.init_blob, codec: row.codec }))
}

/** Every finished chunk in the order of recording. */
export async function listChunkRows(db: Db, uid: string): Promise<ChunkRow[]> {
  const rows = await db
    .selectFrom('chunks')
    .select(['rendition', 'first_segment', 'blob', 'segment_bytes', 'first_byte', 'shift_ticks'])
    .where('video_uid', '=', uid)
    .orderBy('created_us')
    .orderBy('blob')
    .execute()
  return rows.map((row) => ({
    rendition: row.rendition,
    firstSegment: row.first_segment,
    blob: row.blob,
    segmentBytes: JSON.parse(row.segment_bytes) as number[],
    firstByte: row.first_byte,
    shiftTicks: row.shift_ticks,
  }))
}
