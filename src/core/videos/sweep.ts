/**
 * Removes what time or a crash has left over: expired uploads, videos whose day has come, drafts and blobs that no row
 * names, finished jobs, ended sessions. Every step may be interrupted and repeated.
 */

import type { Db } from '../../tables.ts'
import { isFailure } from '../../lib/failure.ts'
import { blobKind, ownIdOf, sourceBlob, sourceOwner } from '../blob-names.ts'
import { imagesInUse } from '../watermarks/index.ts'
import { type DeleteDeps, deleteVideo } from './delete-video.ts'
import { blobsInUse } from './shared-blobs.ts'

export type LeftoverOptions = {
  /** Drafts and blobs younger than this may be just about to get their row. Default 24 h. */
  readonly graceMs?: number
  /**
   * What the clock would show had nobody set it ahead since this process was started: by a clock that was corrected a
   * moment ago everything looks old, also what is being written. Default: what it shows.
   */
  readonly unmovedUs?: number
}

const DAY_US = 86_400_000_000
/** Videos deleted and names looked up at a time, so that nobody else waits long for the database. */
const BATCH = 200

/** What is due by the clock; quick, to be called every minute or so. Answers how many videos were deleted. */
export async function sweep(deps: DeleteDeps): Promise<{ readonly videos: number }> {
  const nowUs = deps.clock.nowUs()
  const videos = await sweepVideos(deps, nowUs)
  await sweepRows(deps, nowUs)
  return { videos }
}

/** What a crash left: walks through every draft and blob there is, so once a day is enough. */
export async function sweepLeftovers(
  deps: DeleteDeps,
  options: LeftoverOptions = {},
): Promise<{ readonly drafts: number; readonly blobs: number }> {
  const nowUs = Math.min(deps.clock.nowUs(), options.unmovedUs ?? Number.POSITIVE_INFINITY)
  const beforeUs = nowUs - (options.graceMs ?? DAY_US / 1000) * 1000
  const removed = { drafts: 0, blobs: 0 }
  for await (const leftover of findLeftovers(deps, beforeUs)) {
    await removeLeftover(deps, leftover)
    removed[leftover.kind === 'draft' ? 'drafts' : 'blobs'] += 1
  }
  return removed
}

/** Videos to be deleted by now, and those whose upload expired a day ago (api.md §3.1). */
async function sweepVideos(deps: DeleteDeps, nowUs: number): Promise<number> {
  const due = deps.db.selectFrom('videos').select(['uid', 'account_id']).limit(BATCH)
  let removed = 0
  for (;;) {
    const scheduled = await due
      .where('scheduled_deletion_us', '<=', nowUs)
      .where('state', '!=', 'live-inprogress')
      .execute()
    const expired = await due
      .where('state', '=', 'pendingupload')
      .where('upload_expiry_us', '<=', nowUs - DAY_US)
      .execute()
    const rows = [...scheduled, ...expired]
    if (rows.length === 0) return removed
    for (const row of rows) {
      try {
        await deleteVideo(deps, row.account_id, row.uid)
        removed++
      } catch (error) {
        // Somebody else was quicker, or it is in both lists.
        if (!isFailure(error, 'not_found')) throw error
      }
    }
  }
}

/** Upload addresses that nobody may ask for any more (uploads.md §2.5), old jobs, sessions. */
async function sweepRows(deps: DeleteDeps, nowUs: number): Promise<void> {
  const gone = deps.db
    .deleteFrom('uploads')
    .where('expires_us', '<=', nowUs - DAY_US)
    .where('id', 'not in', (query) => query.selectFrom('concatenation_parts').select('upload_id'))
  await gone.where('state', '!=', 'receiving').execute()
  await gone.where('video_uid', 'is', null).execute()
  await gone.where('video_uid', 'not in', (query) => query.selectFrom('videos').select('uid')).execute()
  await deps.jobs.forgetFinished(nowUs - DAY_US)
  await deps.db.deleteFrom('sessions').where('expires_us', '<=', nowUs).execute()
}

/** A draft or a blob that no row names. */
export type Leftover = {
  readonly kind: 'draft' | 'blob'
  readonly name: string
  readonly sizeBytes: number
  /** It is older than this. */
  readonly beforeUs: number
}

/** What a crash left, without removing it. `beforeUs`: of what is younger somebody may be about to write the row. */
export async function* findLeftovers(
  { db, blobs }: Pick<DeleteDeps, 'db' | 'blobs'>,
  beforeUs: number,
): AsyncGenerator<Leftover> {
  const drafts = unnamed(blobs.listDrafts(), {
    beforeUs,
    nameOf: (draft) => draft.id,
    named: (ids) => draftsInUse(db, ids),
  })
  for await (const { id: name, sizeBytes } of drafts) yield { kind: 'draft', name, sizeBytes, beforeUs }
  const strays = unnamed(blobs.list(''), {
    beforeUs,
    nameOf: (blob) => blob.name,
    named: async (names) => [
      ...(await blobsInUse(db, names)),
      ...(await filesAwaited(db, names)),
      ...(await imagesInUse(db, names)),
    ],
  })
  for await (const { name, sizeBytes } of strays) yield { kind: 'blob', name, sizeBytes, beforeUs }
}

/** Removes one, unless a blob of its name has been published meanwhile: a job that a crash stopped is done again. */
export async function removeLeftover(
  { blobs }: Pick<DeleteDeps, 'blobs'>,
  { kind, name, beforeUs }: Leftover,
): Promise<void> {
  if (kind === 'draft') await blobs.discardDraft(name)
  else await blobs.delete(name, { publishedBeforeUs: beforeUs })
}

async function draftsInUse(db: Db, ids: readonly string[]): Promise<readonly (string | null)[]> {
  const rows = await db
    .selectFrom('uploads')
    .select('draft_id')
    .where('draft_id', 'in', ids)
    .unionAll(db.selectFrom('concatenations').select('draft_id').where('draft_id', 'in', ids))
    .unionAll(db.selectFrom('copies').select('draft_id').where('draft_id', 'in', ids))
    .unionAll(db.selectFrom('audio_copies').select('draft_id').where('draft_id', 'in', ids))
    .unionAll(db.selectFrom('live_broadcasts').select('draft_id').where('draft_id', 'in', ids))
    .execute()
  return rows.map((row) => row.draft_id)
}

/**
 * Those of `names` that are files of videos or audio tracks still waiting for theirs: what a crash left of a first try is
 * taken up as it is by the next one.
 */
async function filesAwaited(db: Db, names: readonly string[]): Promise<readonly string[]> {
  return [...(await sourcesAwaited(db, names)), ...(await soundsAwaited(db, names))]
}

async function soundsAwaited(db: Db, names: readonly string[]): Promise<readonly string[]> {
  const sounds = names.filter((name) => blobKind(name) === 'audio-source')
  if (sounds.length === 0) return []
  const rows = await db
    .selectFrom('audio_tracks')
    .select('uid')
    .where('uid', 'in', sounds.map(ownIdOf))
    .where('status', '=', 'queued')
    .execute()
  const waiting = new Set(rows.map(({ uid }) => uid))
  return sounds.filter((name) => waiting.has(ownIdOf(name)))
}

async function sourcesAwaited(db: Db, names: readonly string[]): Promise<readonly string[]> {
  const uids = names.flatMap((name) => sourceOwner(name) ?? [])
  if (uids.length === 0) return []
  const rows = await db
    .selectFrom('videos')
    .select('uid')
    .where('uid', 'in', uids)
    .where('state', 'in', ['pendingupload', 'downloading', 'live-inprogress'])
    .execute()
  return rows.map((row) => sourceBlob(row.uid))
}

type Question<T> = {
  readonly beforeUs: number
  nameOf(found: T): string
  named(names: readonly string[]): Promise<readonly (string | null)[]>
}

/** Of what is found the old ones that no row names, a batch at a time. */
async function* unnamed<T extends { readonly modifiedUs: number }>(
  found: AsyncIterable<T>,
  question: Question<T>,
): AsyncGenerator<T> {
  let batch: T[] = []
  const look = async (): Promise<T[]> => {
    const names = batch.map((one) => question.nameOf(one))
    const named = new Set(names.length === 0 ? [] : await question.named(names))
    const free = batch.filter((one) => !named.has(question.nameOf(one)))
    batch = []
    return free
  }
  for await (const one of found) {
    if (one.modifiedUs < question.beforeUs) batch.push(one)
    if (batch.length === BATCH) yield* await look()
  }
  yield* await look()
}
