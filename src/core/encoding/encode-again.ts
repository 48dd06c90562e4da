/**
 * Has the encoder make again what a damaged blob held: a chunk alone, or, where it was the header, the whole rendition.
 * The rendition gets another id with it, since its addresses may be in caches with the damaged bytes; what is whole of it
 * stays and is served under the new id. Players that are at work with the former one are served, too.
 */

import type { Jobs } from '../../jobs/job.ts'
import type { BlobName, Blobs, Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { stillPrefix, storyboardBlob } from '../blob-names.ts'
import { remakeDownloads } from '../downloads/index.ts'
import type { AudioRendition, Plan, VideoRendition } from '../planning/index.ts'
import { getPlanRow, reopenPlan, replacePlan } from '../timeline/index.ts'
import { getVideo, recordEvent, releaseBlobs, stepBack } from '../videos/index.ts'
import { dropRendition, findFinished } from './chunk-records.ts'
import { enqueueFirstChunks } from './enqueue-chunks.ts'
import { beginAnew, nextId, planAgain } from './plan-again.ts'
import { finishedPct } from './progress.ts'

export type EncodeAgainDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  /** `DecoderBuild.id` of the encoder at work here; null: the next start looks whether it is another one. */
  readonly build: string | null
}

/** A rendition that has the blob as its header or as one of its chunks. */
export type BlobUser = { readonly uid: string; readonly rendition: string; readonly as: 'init' | 'chunk' }

/** Players that are at work have one of the last; a disk that loses more than that is another matter. */
const MOST_FORMER_IDS = 32

/** Which renditions have a blob: one, or several where clips share it. */
export async function findBlobUsers(db: Db, blob: BlobName): Promise<BlobUser[]> {
  const chunks = await db
    .selectFrom('chunks')
    .select(['video_uid', 'rendition'])
    .distinct()
    .where('blob', '=', blob)
    .execute()
  const inits = await db
    .selectFrom('renditions')
    .select(['video_uid', 'rendition'])
    .where('init_blob', '=', blob)
    .execute()
  return [
    ...chunks.map(({ video_uid: uid, rendition }) => ({ uid, rendition, as: 'chunk' as const })),
    ...inits.map(({ video_uid: uid, rendition }) => ({ uid, rendition, as: 'init' as const })),
  ]
}

/**
 * Forgets `damaged` blobs and queues what they held, in every video that has one; its files to download are made again,
 * too, since they may have been copied from damaged bytes. All of a video in one call: each gives renditions new ids.
 */
export async function encodeAgain(deps: EncodeAgainDeps, damaged: readonly BlobName[]): Promise<void> {
  const unused = new Set<BlobName>()
  const uids = await deps.db.transaction().execute(async (trx) => {
    unused.clear()
    const found = await Promise.all(damaged.map((blob) => findBlobUsers(trx, blob)))
    const users = Map.groupBy(found.flat(), ({ uid }) => uid)
    for (const [uid, those] of users) {
      for (const name of await reopen(deps, trx, { uid, damaged, users: those })) unused.add(name)
    }
    for (const name of await releaseBlobs(trx, damaged)) unused.add(name)
    return [...users.keys()]
  })
  for (const name of unused) await deps.blobs.delete(name)
  // Two encoders must not meet inside a rendition.
  if (deps.build !== null) for (const uid of uids) await planAgain(deps, deps.build, uid)
}

/**
 * Gives what is cut from a video's media another id, after damaged media was made whole: caches may have segments of
 * before. Nothing is encoded again.
 */
export async function renameCutRenditions(
  trx: Trx,
  clock: Pick<Clock, 'newUid'>,
  uid: string,
): Promise<void> {
  const row = await getPlanRow(trx, uid)
  if (row === undefined) return
  const { video, audio } = row.plan
  const renamed = new Map<string, string>()
  for (const { id, made } of [...video, ...(audio === null ? [] : [audio])]) {
    if (made !== 'passthrough') continue
    const to = nextId(id, clock)
    renamed.set(id, to)
    await renameRendition(trx, uid, { from: id, to })
  }
  await replacePlan(trx, uid, {
    ...row.plan,
    video: video.map((one) => goOn(one, renamed)),
    audio: audio && goOn(audio, renamed),
  })
}

type Damage = {
  readonly uid: string
  readonly damaged: readonly BlobName[]
  readonly users: readonly BlobUser[]
}

/** Forgets the damaged parts of one video and queues them; answers the blobs nobody names any more. */
async function reopen(
  deps: EncodeAgainDeps,
  trx: Trx,
  { uid, damaged, users }: Damage,
): Promise<readonly BlobName[]> {
  const row = await getPlanRow(trx, uid)
  const video = await getVideo(trx, uid)
  if (row === undefined || video === undefined) return []
  const unused: BlobName[] = []
  const anew = new Map<string, string>()
  const goingOn = new Map<string, string>()
  for (const [rendition, those] of Map.groupBy(users, (user) => user.rendition)) {
    unused.push(...(await forgetPictures(trx, uid, rendition)))
    if (those.some(({ as }) => as === 'init')) {
      anew.set(rendition, nextId(rendition, deps.clock))
      unused.push(...(await dropRendition(trx, uid, rendition)))
    } else goingOn.set(rendition, nextId(rendition, deps.clock))
  }
  for (const [from, to] of goingOn) {
    await trx
      .deleteFrom('chunks')
      .where('video_uid', '=', uid)
      .where('rendition', '=', from)
      .where('blob', 'in', damaged)
      .execute()
    await renameRendition(trx, uid, { from, to })
  }
  const change = <R extends VideoRendition | AudioRendition>(one: R): R => goOn(beginAnew(one, anew), goingOn)
  const plan: Plan = {
    ...row.plan,
    video: row.plan.video.map(change),
    audio: row.plan.audio && change(row.plan.audio),
  }
  await reopenPlan(trx, uid, plan)
  unused.push(...(await remakeDownloads(deps.jobs, trx, uid)))
  // A failed video stays one; trying it again begins anew anyway.
  if (video.state === 'error') return unused
  await enqueueFirstChunks(trx, deps.jobs, uid, plan)
  await stepBack(trx, uid, Math.min(99, finishedPct(plan, await findFinished(trx, uid))))
  const renditions = plan.video.filter(({ id }) => [...anew.values(), ...goingOn.values()].includes(id))
  await recordEvent(trx, deps.clock, video, {
    kind: 'repair',
    detail: { renditions: renditions.length === 0 ? ['audio'] : renditions.map(({ name }) => name) },
  })
  return unused
}

/** The rendition under its new id, which is still the one that went by the former ones. */
function goOn<R extends VideoRendition | AudioRendition>(one: R, renamed: ReadonlyMap<string, string>): R {
  const id = renamed.get(one.id)
  return id === undefined
    ? one
    : { ...one, id, formerIds: [...(one.formerIds ?? []), one.id].slice(-MOST_FORMER_IDS) }
}

async function renameRendition(
  trx: Trx,
  uid: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  for (const table of ['chunks', 'renditions'] as const) {
    await trx
      .updateTable(table)
      .set({ rendition: to })
      .where('video_uid', '=', uid)
      .where('rendition', '=', from)
      .execute()
  }
}

/** Stills and the storyboard of a rendition, which may show what was damaged. */
async function forgetPictures(trx: Trx, uid: string, rendition: string): Promise<BlobName[]> {
  const prefix = stillPrefix(uid, rendition)
  const rows = await trx
    .deleteFrom('blobs')
    .where('video_uid', '=', uid)
    .where((where) =>
      where.or([
        where('name', '=', storyboardBlob(uid, rendition)),
        where.and([where('name', '>=', prefix), where('name', '<', `${prefix}:`)]),
      ]),
    )
    .returning('name')
    .execute()
  return rows.map(({ name }) => name)
}
