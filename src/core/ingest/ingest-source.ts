/**
 * The `ingest` job: looks at a source once, decides, and opens its timeline. Everything it leaves is published before
 * the one transaction that names it; a crash on the way leaves blobs without a row, which the sweep removes, and a job
 * that is claimed again.
 */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { HeadwaterError, isFailure } from '../../lib/failure.ts'
import type { BlobFacts, Blobs } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { indexBlob } from '../blob-names.ts'
import { explainFailure } from '../faults/index.ts'
import { type Mark, type Plan, planDurationSeconds, type PlanSettings } from '../planning/index.ts'
import { failVideo, getVideo, moveVideo, type Video } from '../videos/index.ts'
import type { Watermark } from '../watermarks/index.ts'
import { type InspectDeps, inspectSource } from './inspect-source.ts'
import { openTimeline } from './open-timeline.ts'

export type IngestDeps = InspectDeps & {
  readonly db: Db
  readonly jobs: Jobs
  readonly settings: PlanSettings
  /** Whether further sound and text in a file become tracks of its video. */
  readonly tracksInside: boolean
}

/** Shortest video there is (uploads.md §7). */
const SHORTEST_SECONDS = 0.1

/** Runs the job. A source at fault fails its video and completes the job; everything else is thrown, to be retried. */
export async function ingestSource(deps: IngestDeps, job: ClaimedJob, context: JobContext): Promise<void> {
  const { uid } = job.payload as { uid: string }
  const video = await getVideo(deps.db, uid)
  if (video === undefined || (video.state !== 'queued' && video.state !== 'inprogress')) {
    // Deleted, or ingested by a claim that lost its lease after the commit.
    await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
    return
  }
  if (video.state === 'queued') {
    await deps.db.transaction().execute((trx) => moveVideo(trx, deps, uid, 'inprogress'))
  }
  try {
    await ingest(deps, job, context, video)
  } catch (error) {
    if (!isFailure(error) || error.kind !== 'media' || context.signal.aborted) throw error
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      await failIngest(deps, trx, uid, error)
    })
  }
}

async function ingest(deps: IngestDeps, job: ClaimedJob, context: JobContext, video: Video): Promise<void> {
  const startedMs = deps.clock.monotonicMs()
  const { settings } = deps
  const { uid, watermark } = video
  const look = { uid, settings, mark: watermark && markOf(watermark), signal: context.signal }
  const inspected = await inspectSource(deps, look)
  const { plan, notes, media, container } = inspected
  const inside = deps.tracksInside && inspected.further
  let index: BlobFacts | null = null
  try {
    checkDuration(plan, video.maxDurationSeconds)
    if (inspected.index !== null) index = await publishIndex(deps, video.uid, inspected.index)
    await openTimeline(deps, job, { uid: video.uid, plan, media, index, container, notes, inside })
    const ms = Math.round(deps.clock.monotonicMs() - startedMs)
    deps.log.info({ uid: video.uid, ms, container, notes }, 'source ingested')
  } catch (error) {
    // Nobody names them yet.
    for (const blob of [index, media.made]) if (blob !== null) await deps.blobs.delete(blob.name)
    throw error
  }
}

/** What the encoder needs of a profile. */
function markOf(watermark: Watermark): Mark {
  const { imageBlob, width, height, opacity, padding, scale, position } = watermark
  return { imageBlob, width, height, opacity, padding, scale, position }
}

function checkDuration(plan: Plan, maxSeconds: number | null): void {
  const seconds = planDurationSeconds(plan)
  if (seconds < SHORTEST_SECONDS) {
    throw new HeadwaterError(
      'too_short',
      `The video lasts ${seconds.toFixed(3)} s; at least ${SHORTEST_SECONDS} s are needed.`,
      { facts: { seconds, atSeconds: seconds } },
    )
  }
  if (maxSeconds !== null && seconds > maxSeconds) {
    throw new HeadwaterError(
      'too_long',
      `The video lasts ${seconds.toFixed(1)} s; this upload allows ${maxSeconds} s.`,
      { facts: { seconds, maxSeconds, atSeconds: maxSeconds } },
    )
  }
}

async function publishIndex(
  deps: { blobs: Blobs; clock: IngestDeps['clock'] },
  uid: string,
  index: Uint8Array,
): Promise<BlobFacts> {
  const draft = await deps.blobs.createDraft()
  try {
    await draft.append([index])
    return await draft.publish(indexBlob(uid, deps.clock.newUid()))
  } catch (error) {
    await draft.discard()
    throw error
  }
}

/** Ends the video with what was found; also for jobs that were given up. */
export async function failIngest(
  deps: Pick<IngestDeps, 'clock' | 'jobs'>,
  trx: Parameters<typeof failVideo>[0],
  uid: string,
  error: unknown,
): Promise<void> {
  const unexpected = 'Something unexpected happened while the source was looked at.'
  await failVideo(trx, deps, uid, explainFailure(error, { stage: 'plan', unexpected }))
}
