/** From packed segments to what viewers can fetch: blobs first, then one transaction that names them. */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { SegmentParts } from '../../media/cmaf/cut-segment.ts'
import type { ByteSource } from '../../media/isobmff/movie.ts'
import type { BlobFacts, Blobs, Clock, Draft } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { chunkBlob, initBlob } from '../blob-names.ts'
import type { AudioRendition, Plan } from '../planning/index.ts'
import { enqueueDownloads } from '../downloads/index.ts'
import { getPlanRow, listRenditionRows, markComplete } from '../timeline/index.ts'
import {
  blobsInUse,
  completeVideo,
  getVideo,
  moveVideo,
  recordEvent,
  recordProgress,
  requireVideo,
} from '../videos/index.ts'
import {
  encodedRenditions,
  type FinishedChunk,
  type FinishedSegments,
  findFinished,
  isComplete,
  isPlayable,
  recordChunk,
} from './chunk-records.ts'
import { readBlob } from './read-blob.ts'
import { finishedPct } from './progress.ts'
import { type PackedChunk, writeSoundInit } from './pack-chunk.ts'

export type PublishDeps = {
  readonly db: Db
  readonly blobs: Blobs
  readonly jobs: Jobs
  readonly clock: Clock
  readonly log: Log
}

/** A run of packed segments of one rendition. */
export type Packed = {
  readonly rendition: string
  readonly firstSegment: number
  readonly segments: readonly SegmentParts[]
  readonly header: Pick<PackedChunk, 'init' | 'codec'>
  /** What body ranges are bytes of. */
  readonly file: ByteSource
}

const COPY_BYTES = 1024 * 1024

/**
 * Writes the segments back to back into a blob, and the init segment with the first chunk. Throws `decoder_failed` when
 * the header differs from the rendition's: then the encoder's settings are not what they were, and trying again with
 * the same ones would give the same.
 */
export async function publishSegments(
  deps: PublishDeps,
  uid: string,
  packed: Packed,
): Promise<FinishedChunk> {
  const init = await publishInit(deps, uid, packed)
  const name = chunkBlob(uid, packed.rendition, packed.firstSegment, deps.clock.newUid().slice(0, 8))
  const blob = await writeDraft(deps.blobs, name, async (draft) => {
    for (const segment of packed.segments) await appendSegment(draft, segment, packed.file)
  })
  return {
    uid,
    rendition: packed.rendition,
    firstSegment: packed.firstSegment,
    blob,
    segmentBytes: packed.segments.map(({ sizeBytes }) => sizeBytes),
    init,
    codec: packed.header.codec,
  }
}

async function publishInit(deps: PublishDeps, uid: string, packed: Packed): Promise<BlobFacts> {
  const { rendition, header } = packed
  const recorded = (await listRenditionRows(deps.db, uid)).find((row) => row.rendition === rendition)
  if (recorded === undefined) {
    return await writeDraft(deps.blobs, initBlob(uid, rendition), (draft) => draft.append([header.init]))
  }
  const present = await readBlob(deps.blobs, recorded.initBlob)
  if (Buffer.compare(present, header.init) !== 0) {
    throw new HeadwaterError(
      'decoder_failed',
      `The header of ${rendition} from segment ${packed.firstSegment} on differs from that of its first chunk, so one init segment cannot serve both; encoding again with the same settings would not change it.`,
      { facts: { rendition, firstSegment: packed.firstSegment, reason: 'header' } },
    )
  }
  // It has its row; the facts are not recorded again.
  return { name: recorded.initBlob, sizeBytes: present.byteLength, checksums: new Uint8Array() }
}

/** Publishes the init segment of encoded sound before any chunk of it; no row names it yet. */
export async function publishSoundInit(
  blobs: Blobs,
  uid: string,
  rendition: AudioRendition,
): Promise<BlobFacts> {
  return await writeDraft(blobs, initBlob(uid, rendition.id), (draft) =>
    draft.append([writeSoundInit(rendition)]),
  )
}

async function writeDraft(
  blobs: Blobs,
  name: string,
  fill: (draft: Draft) => Promise<void>,
): Promise<BlobFacts> {
  const draft = await blobs.createDraft()
  try {
    await fill(draft)
    return await draft.publish(name)
  } catch (error) {
    await draft.discard()
    throw error
  }
}

async function appendSegment(draft: Draft, segment: SegmentParts, file: ByteSource): Promise<void> {
  await draft.append([segment.head])
  for (const part of segment.body) {
    if (part instanceof Uint8Array) {
      await draft.append([part])
      continue
    }
    for (let position = part.start; position < part.end; ) {
      const buffer = new Uint8Array(Math.min(COPY_BYTES, part.end - position))
      const got = await file.read(buffer, position)
      if (got < buffer.byteLength) {
        throw new HeadwaterError('decoder_failed', `The encoder's output ended at byte ${position + got}.`)
      }
      await draft.append([buffer])
      position += got
    }
  }
}

/**
 * Records finished chunks in one transaction: their rows, `ready` when the first seconds of picture and sound are there,
 * an event for every rendition that is complete, and the plan's completion. `finish` runs in the same transaction; it
 * completes the job, so that a worker that lost its lease records nothing.
 */
export async function recordFinished(
  deps: PublishDeps,
  plan: Plan,
  uid: string,
  chunks: readonly FinishedChunk[],
  finish: (trx: Trx) => Promise<void>,
): Promise<void> {
  const unused: string[] = []
  try {
    await deps.db.transaction().execute(async (trx) => {
      unused.length = 0
      await finish(trx)
      await requireSameRenditions(trx, plan, uid)
      const before = await findFinished(trx, uid)
      for (const chunk of chunks) {
        if (!(await recordChunk(trx, deps.clock, chunk))) unused.push(chunk.blob.name)
      }
      await settle(deps, trx, plan, uid, before)
    })
  } catch (error) {
    await dropUnrecorded(deps, uid, chunks, error)
    throw error
  }
  for (const name of unused) await deps.blobs.delete(name)
}

/**
 * Renditions may have been given up or made again while a chunk of theirs was encoded; then it is nobody's any more, and
 * the job looks anew at what is missing.
 */
async function requireSameRenditions(trx: Trx, plan: Plan, uid: string): Promise<void> {
  const row = await getPlanRow(trx, uid)
  // Deleted: `finish` says so, or what follows does.
  if (row === undefined) return
  const present = new Set(idsOf(row.plan))
  if (idsOf(plan).every((id) => present.has(id))) return
  throw new HeadwaterError('conflict', `Video ${uid} was planned again while this was encoded.`)
}

function idsOf({ video, audio }: Plan): string[] {
  return [...video, ...(audio === null ? [] : [audio])].map(({ id }) => id)
}

/** After these failures nothing is recorded for certain, so nobody will ever name the chunks. */
async function dropUnrecorded(
  deps: PublishDeps,
  uid: string,
  chunks: readonly FinishedChunk[],
  error: unknown,
): Promise<void> {
  if (!isFailure(error) || !['conflict', 'lease_lost', 'not_found'].includes(error.code)) return
  for (const { blob } of chunks) await deps.blobs.delete(blob.name)
  // Headers stay with the video: another try may be about to name them. Those of a clip may be those of its source.
  if ((await getVideo(deps.db, uid)) !== undefined) return
  const headers = chunks.map(({ init }) => init.name)
  const inUse = await blobsInUse(deps.db, headers)
  for (const name of headers) if (!inUse.has(name)) await deps.blobs.delete(name)
}

/** What a new chunk means for the video. `before` = what was finished before it. */
async function settle(
  deps: PublishDeps,
  trx: Trx,
  plan: Plan,
  uid: string,
  before: FinishedSegments,
): Promise<void> {
  const finished = await findFinished(trx, uid)
  const video = await requireVideo(trx, uid)
  if (video.state === 'inprogress' && isPlayable(plan, finished)) await moveVideo(trx, deps, uid, 'ready')
  for (const { id, segments } of encodedRenditions(plan)) {
    const has = (state: FinishedSegments): boolean => (state.get(id)?.size ?? 0) === segments
    if (!has(before) && has(finished)) {
      await enqueueDownloads(deps.jobs, trx, uid)
      const name = plan.video.find((rendition) => rendition.id === id)?.name ?? 'audio'
      await recordEvent(trx, deps.clock, video, { kind: 'rendition', detail: { name, id } })
    }
  }
  const complete = isComplete(plan, finished)
  if (complete && !isComplete(plan, before)) {
    await markComplete(trx, uid)
    await completeVideo(trx, deps, video)
  }
  await recordProgress(trx, uid, complete ? 100 : Math.min(99, finishedPct(plan, finished)))
}

/** Completes a job that has nothing left to do. */
export async function completeQuietly(deps: PublishDeps, job: ClaimedJob): Promise<void> {
  await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
}
