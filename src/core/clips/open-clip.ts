/**
 * The one transaction that makes a clip real: its plan, the rows that name what it shares, jobs for what is missing, and
 * `ready` where that plays. It reads the source again, so that it names nothing that is deleted meanwhile.
 */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import { HeadwaterError } from '../../lib/failure.ts'
import type { BlobFacts, Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { enqueueFirstChunks, findFinished, finishedPct, isComplete, isPlayable } from '../encoding/index.ts'
import { type ClipPlan, planDurationSeconds } from '../planning/index.ts'
import {
  assembleTimeline,
  getPlanRow,
  insertPlan,
  listChunkRows,
  listRenditionRows,
  type PlanRow,
  type Timeline,
} from '../timeline/index.ts'
import {
  completeVideo,
  type JsonObject,
  moveVideo,
  recordBlob,
  recordEvent,
  recordProgress,
  setSourceFacts,
} from '../videos/index.ts'
import { sourceGone } from './clip.ts'
import { shareChunks, type SharedChunk, sharedRenditions } from './share-chunks.ts'

export type OpenClipDeps = { readonly db: Db; readonly jobs: Jobs; readonly clock: Clock }

export type ClipOpening = {
  readonly uid: string
  readonly sourceUid: string
  /** What it was planned with. */
  readonly source: PlanRow
  readonly planned: ClipPlan
  /** Published; null where the sound is not encoded. */
  readonly soundInit: BlobFacts | null
}

/**
 * Opens the clip's timeline and completes the job. Throws `lease_lost`, `not_found` when the source was deleted, and
 * `conflict` when it was planned again meanwhile; then nothing was written.
 */
export async function openClip(deps: OpenClipDeps, job: ClaimedJob, opening: ClipOpening): Promise<void> {
  const { uid, source, planned, soundInit } = opening
  const { plan } = planned
  await deps.db.transaction().execute(async (trx) => {
    await deps.jobs.complete(trx, job)
    const shared = await insertShared(trx, deps.clock, opening)
    const video = await moveVideo(trx, deps, uid, 'inprogress')
    if (soundInit !== null) await recordBlob(trx, deps.clock, uid, soundInit)
    const finished = await findFinished(trx, uid)
    const complete = isComplete(plan, finished)
    await insertPlan(trx, {
      uid,
      plan,
      mediaBlob: source.mediaBlob,
      indexBlob: source.indexBlob,
      complete,
    })
    await setSourceFacts(trx, uid, { durationSeconds: planDurationSeconds(plan) })
    await recordEvent(trx, deps.clock, video, { kind: 'planned', detail: describe(opening, shared) })
    await enqueueFirstChunks(trx, deps.jobs, uid, plan)
    if (isPlayable(plan, finished)) await moveVideo(trx, deps, uid, 'ready')
    if (complete) await completeVideo(trx, deps, video)
    await recordProgress(trx, uid, complete ? 100 : Math.min(99, finishedPct(plan, finished)))
  })
}

/** Rows for what the clip shares; answers the number of segments. */
async function insertShared(trx: Trx, clock: Clock, opening: ClipOpening): Promise<number> {
  const { uid, planned, soundInit } = opening
  const source = await readSource(trx, opening)
  const { audio, video } = planned.plan
  const chunks: SharedChunk[] = []
  const inits =
    soundInit === null || audio === null ? [] : [{ id: audio.id, blob: soundInit.name, codec: audio.codec }]
  for (const shared of sharedRenditions(source, planned)) {
    chunks.push(...shareChunks(planned, shared))
    const { rendition: id, track } = shared
    // One that is joined to another encoder's gets its init segment with its first edge, unless it needs none.
    const isJoined = video.some((one) => one.id === id && one.joined !== undefined)
    const isWhole =
      chunks.reduce((sum, one) => sum + (one.rendition === id ? one.segmentBytes.length : 0), 0) ===
      planned.plan.cuts.length - 1
    if (track.kind === 'video' && track.init.from === 'stored' && (!isJoined || isWhole)) {
      inits.push({ id, blob: track.init.blob, codec: track.codec })
    }
  }
  for (const { id, blob, codec } of inits) {
    await trx
      .insertInto('renditions')
      .values({ video_uid: uid, rendition: id, init_blob: blob, codec })
      .execute()
  }
  await insertChunks(trx, uid, chunks, clock.nowUs())
  return chunks.reduce((sum, { segmentBytes }) => sum + segmentBytes.length, 0)
}

/** The source as it is now. */
async function readSource(trx: Trx, { sourceUid, source }: ClipOpening): Promise<Timeline> {
  const row = await getPlanRow(trx, sourceUid)
  if (row === undefined) throw sourceGone()
  if (JSON.stringify(row.plan) !== JSON.stringify(source.plan)) {
    throw new HeadwaterError('conflict', 'The video that is clipped was planned again at this moment.')
  }
  const renditions = await listRenditionRows(trx, sourceUid)
  const chunks = await listChunkRows(trx, sourceUid)
  // Sound that was added to the source stays there.
  return assembleTimeline({ videoUid: sourceUid, ...row, renditions, chunks, sounds: [] })
}

/** Rows of a statement: databases bound its values. */
const ROWS_AT_A_TIME = 100

async function insertChunks(
  trx: Trx,
  uid: string,
  chunks: readonly SharedChunk[],
  createdUs: number,
): Promise<void> {
  for (let first = 0; first < chunks.length; first += ROWS_AT_A_TIME) {
    const rows = chunks.slice(first, first + ROWS_AT_A_TIME).map((chunk) => ({
      video_uid: uid,
      rendition: chunk.rendition,
      first_segment: chunk.firstSegment,
      segment_count: chunk.segmentBytes.length,
      blob: chunk.blob,
      segment_bytes: JSON.stringify(chunk.segmentBytes),
      first_byte: chunk.firstByte,
      shift_ticks: chunk.shiftTicks,
      created_us: createdUs,
    }))
    await trx.insertInto('chunks').values(rows).execute()
  }
}

function describe({ sourceUid, planned: { plan } }: ClipOpening, shared: number): JsonObject {
  return {
    clippedFrom: sourceUid,
    passthrough: plan.video.some(({ made }) => made === 'passthrough'),
    renditions: plan.video.map(({ name }) => name),
    segments: plan.cuts.length - 1,
    sharedSegments: shared,
  }
}
