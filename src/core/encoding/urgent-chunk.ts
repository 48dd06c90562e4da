/**
 * The `urgent` job: a viewer waits for a segment that is not there. Only the wanted rendition is encoded, from the wanted
 * segment to the end of its chunk, and every segment is published as soon as the encoder has closed it. It ends where
 * it meets segments that somebody else has finished.
 */

import { type ClaimedJob, type Jobs, PRIORITY } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import type { DecoderFile } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { type EncodeChunk, type VideoRendition, chunkOf } from '../planning/index.ts'
import { getPlanRow, type PlanRow } from '../timeline/index.ts'
import { choosePictures } from './chunk-input.ts'
import { findFinished, madeSegments, requireSameDecoder } from './chunk-records.ts'
import { type EncodeDeps, encodeSound, openIndex, pictureLimits } from './encode-chunk.ts'
import type { UrgentPayload } from './enqueue-chunks.ts'
import { markFiles } from './mark-args.ts'
import { packPictures } from './pack-chunk.ts'
import { buildPictureArgs, pictureOutput } from './picture-args.ts'
import { missingRuns } from './missing-runs.ts'
import { completeQuietly, publishSegments, recordFinished } from './publish-chunk.ts'

/** Nobody waits longer; a viewer that does asks again. */
const DEADLINE_MS = 120_000
/** Sound is quick: a viewer gets this many segments more than the one asked for. */
const SOUND_SEGMENTS = 8

/** Asks for a segment before everything else; asking twice is asking once. */
export async function requestSegment(
  deps: { readonly db: Db; readonly jobs: Jobs },
  wanted: { readonly uid: string; readonly renditionId: string; readonly segment: number },
): Promise<void> {
  const payload: UrgentPayload = { uid: wanted.uid, rendition: wanted.renditionId, segment: wanted.segment }
  await deps.db.transaction().execute((trx) =>
    deps.jobs.enqueue(trx, {
      kind: 'urgent',
      dedupe: `urgent/${payload.uid}/${payload.rendition}/${payload.segment}`,
      payload,
      videoUid: payload.uid,
      priority: PRIORITY.viewer,
      maxAttempts: 2,
      deadlineMs: DEADLINE_MS,
    }),
  )
}

/** Runs the job. */
export async function urgentChunk(deps: EncodeDeps, job: ClaimedJob, context: JobContext): Promise<void> {
  const { uid, rendition, segment } = job.payload as UrgentPayload
  const row = await getPlanRow(deps.db, uid)
  if (row === undefined) return await completeQuietly(deps, job)
  const finished = await findFinished(deps.db, uid)
  const { plan } = row
  if (plan.audio?.id === rendition) {
    const { audio } = plan
    const has = finished.get(rendition) ?? new Set<number>()
    if (has.has(segment)) return await completeQuietly(deps, job)
    const range = {
      firstSegment: segment,
      endSegment: Math.min(segment + SOUND_SEGMENTS, audio.cuts.length - 1),
    }
    const [run = range] = missingRuns(range, has)
    const options = { signal: context.signal, nice: 0 }
    const made = await encodeSound(deps, uid, row, audio, run, options)
    return await recordFinished(deps, plan, uid, [made], (trx) => deps.jobs.complete(trx, job))
  }
  const picture = plan.video.find(({ id }) => id === rendition)
  if (picture === undefined) return await completeQuietly(deps, job)
  const has = madeSegments(plan, picture, finished)
  if (has.has(segment)) return await completeQuietly(deps, job)
  const chunk = chunkOf(plan.videoChunks, segment)
  const [run] = missingRuns({ firstSegment: segment, endSegment: chunk.endSegment }, has)
  if (run !== undefined) await encodePictures(deps, context, uid, row, picture, run)
  await completeQuietly(deps, job)
}

async function encodePictures(
  deps: EncodeDeps,
  context: JobContext,
  uid: string,
  row: PlanRow,
  rendition: VideoRendition,
  range: EncodeChunk,
): Promise<void> {
  const { plan } = row
  requireSameDecoder(plan, deps.decoder.build.id)
  const index = await openIndex(deps, row)
  const pictures = choosePictures(deps.blobs, plan, row.mediaBlob, index, range)
  const planned = {
    plan,
    rendition,
    firstSegment: range.firstSegment,
    times: pictures.times,
    starts: pictures.starts,
  }
  /** Met somebody else's segments: enough. */
  const met = new AbortController()
  let published = 0
  const publish = async (file: DecoderFile, whole: boolean): Promise<void> => {
    const view = { sizeBytes: file.sizeBytes, read: file.read.bind(file) }
    const packed = await packPictures(view, planned, whole)
    for (const segment of packed?.segments.slice(published) ?? []) {
      if (packed === undefined || met.signal.aborted) return
      const number = range.firstSegment + published
      const there = (await findFinished(deps.db, uid)).get(rendition.id)?.has(number) ?? false
      if (there) return met.abort(new MetFinished())
      const one = {
        rendition: rendition.id,
        firstSegment: number,
        segments: [segment],
        header: packed,
        file: view,
      }
      const made = await publishSegments(deps, uid, one)
      await recordFinished(deps, plan, uid, [made], () => Promise.resolve())
      published += 1
    }
  }
  const seconds = ((plan.cuts[range.endSegment] ?? 0) - (plan.cuts[range.firstSegment] ?? 0)) / plan.timescale
  const output = pictureOutput(rendition)
  try {
    const run = await deps.decoder.run(
      {
        label: `urgent ${rendition.name} from ${range.firstSegment} of ${uid}`,
        input: pictures.input,
        ...markFiles(plan.mark),
        args: buildPictureArgs({
          input: pictures.args,
          picture: plan.picture,
          mark: plan.mark,
          frames: pictures.frames,
          frameCount: pictures.starts.at(-1) ?? 0,
          keyFrames: pictures.starts.slice(0, -1),
          renditions: [rendition],
          quality: plan.quality,
          filters: deps.decoder.build.filters,
          threads: 0,
        }),
        outputs: [output],
        limits: pictureLimits(plan.picture, [rendition], seconds),
        // A viewer waits.
        nice: 0,
      },
      {
        signal: AbortSignal.any([context.signal, met.signal]),
        onGrowth: (file) => publish(file, false),
      },
    )
    try {
      const file = run.files.get(output)
      if (file !== undefined) await publish(file, true)
    } finally {
      await run.release()
    }
  } catch (error) {
    if (!(error instanceof MetFinished)) throw error
  }
}

/** Why an urgent run ended early: the segments it would make next are there. */
class MetFinished extends Error {
  constructor() {
    super('the next segment is there already')
    this.name = 'MetFinished'
  }
}
