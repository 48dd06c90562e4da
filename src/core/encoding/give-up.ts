/**
 * What becomes of a video when one of its chunks cannot be encoded, however often it was tried: what plays goes on
 * playing, and nobody waits for what will not come.
 */

import type { ClaimedJob } from '../../jobs/job.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import { MEDIA_FAULTS, type MediaFault } from '../../lib/media-faults.ts'
import type { Trx } from '../../tables.ts'
import { type Plan, chunkOf, passOf } from '../planning/index.ts'
import { enqueueDownloads, failDownloads } from '../downloads/index.ts'
import { getPlanRow, markComplete, type PlanRow, replacePlan } from '../timeline/index.ts'
import { decoderFault, type Explained, explainFailure } from '../faults/index.ts'
import { completeVideo, failVideo, getVideo, recordProgress } from '../videos/index.ts'
import { dropRendition, findFinished, isComplete, isWhole } from './chunk-records.ts'
import type { EncodePayload } from './enqueue-chunks.ts'
import { missingRuns } from './missing-runs.ts'
import { packSound } from './pack-chunk.ts'
import { type PublishDeps, publishSegments, recordFinished } from './publish-chunk.ts'

/** Ends an `encode` job that failed for good; the job itself is ended by whoever calls. */
export async function giveUpEncode(deps: PublishDeps, job: ClaimedJob, error: unknown): Promise<void> {
  const payload = job.payload as EncodePayload
  const row = await getPlanRow(deps.db, payload.uid)
  const video = await getVideo(deps.db, payload.uid)
  if (row === undefined || video === undefined) return
  const explained = describeFailure(row.plan, payload, error)
  if (video.state === 'ready' && payload.kind === 'audio')
    return await fillWithSilence(deps, row, payload, explained)
  const unused: string[] = []
  await deps.db.transaction().execute(async (trx) => {
    unused.length = 0
    // A video that plays only gets the event.
    await failVideo(trx, deps, payload.uid, explained)
    if (video.state === 'ready') unused.push(...(await dropUnfinished(deps, trx, row, payload)))
  })
  for (const name of unused) await deps.blobs.delete(name)
}

/** Where in the film it was, and in which part of the work. */
function describeFailure(plan: Plan, payload: EncodePayload, error: unknown): Explained {
  const { kind, pass, firstSegment } = payload
  const explained = explainFailure(kind === 'audio' ? asSoundFault(error) : error, {
    stage: isFailure(error) && error.facts.reason === 'short' ? 'package' : 'encode',
    exactly: true,
    atSeconds: (plan.cuts[firstSegment] ?? 0) / plan.timescale,
    unexpected: 'Something unexpected happened while the video was encoded.',
  })
  return { ...explained, detail: { ...explained.detail, kind, pass, segment: firstSegment } }
}

/** What the decoder's words and numbers say of pictures means of a run of sound that the sound cannot be decoded. */
function asSoundFault(error: unknown): unknown {
  if (!isFailure(error, 'decoder_failed') || error.facts.reason !== 'exit') return error
  const fault = decoderFault(error.facts)
  if (fault === undefined || NOT_THE_SOUND.includes(fault)) return error
  return new HeadwaterError('sound_undecodable', MEDIA_FAULTS.sound_undecodable.when, { cause: error })
}

const NOT_THE_SOUND: readonly MediaFault[] = ['decoder_crashed', 'decoding_memory']

/** Sound with a hole is better than none: the chunk becomes silence. */
async function fillWithSilence(
  deps: PublishDeps,
  row: PlanRow,
  payload: EncodePayload,
  explained: Explained,
): Promise<void> {
  const { plan } = row
  const rendition = plan.audio
  if (rendition === null) return
  const has = (await findFinished(deps.db, payload.uid)).get(rendition.id) ?? new Set<number>()
  const chunks = []
  for (const run of missingRuns(chunkOf(plan.audioChunks, payload.firstSegment), has)) {
    const packed = packSound(null, { rendition, ...run, framesToDrop: 0 })
    chunks.push(
      await publishSegments(deps, payload.uid, {
        rendition: rendition.id,
        firstSegment: run.firstSegment,
        segments: packed.segments,
        header: packed,
        file: { sizeBytes: 0, read: () => Promise.resolve(0) },
      }),
    )
  }
  await recordFinished(deps, plan, payload.uid, chunks, async (trx) => {
    await failVideo(trx, deps, payload.uid, explained)
  })
}

/**
 * Takes the unfinished rungs out of the plan, as long as another picture remains, and keeps the passthrough in. Answers
 * blobs that nobody names any more.
 */
async function dropUnfinished(
  deps: PublishDeps,
  trx: Trx,
  row: PlanRow,
  payload: EncodePayload,
): Promise<string[]> {
  const { plan } = row
  const finished = await findFinished(trx, payload.uid)
  const remaining = plan.video.filter(
    (rendition) => isWhole(plan, rendition.id, finished) || passOf(rendition) !== payload.pass,
  )
  if (!remaining.some(({ id }) => isWhole(plan, id, finished))) {
    await failDownloads(trx, payload.uid)
    return []
  }
  const smaller: Plan = {
    ...plan,
    video: remaining.map((rendition) => ({ ...rendition, kept: true })),
  }
  const dropped = plan.video.filter((rendition) => !remaining.includes(rendition))
  const unused: string[] = []
  for (const { id } of dropped) unused.push(...(await dropRendition(trx, payload.uid, id)))
  await replacePlan(trx, payload.uid, smaller)
  await enqueueDownloads(deps.jobs, trx, payload.uid)
  if (isComplete(smaller, finished)) {
    await markComplete(trx, payload.uid)
    const video = await getVideo(trx, payload.uid)
    if (video !== undefined) await completeVideo(trx, deps, video)
    await recordProgress(trx, payload.uid, 100)
  }
  return unused
}
