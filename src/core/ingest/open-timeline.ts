/** The one transaction that makes a plan real: plan, facts of the video, jobs, and `ready` where the source itself plays. */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import type { BlobFacts, Clock } from '../../ports.ts'
import type { Db } from '../../tables.ts'
import { enqueueFirstChunks, isComplete, isPlayable } from '../encoding/index.ts'
import { enqueueInside } from '../inside/index.ts'
import { type Plan, planDurationSeconds, type MediaBlob } from '../planning/index.ts'
import { insertPlan } from '../timeline/index.ts'
import {
  completeVideo,
  type JsonObject,
  moveVideo,
  recordBlob,
  recordEvent,
  requireVideo,
  setSourceFacts,
} from '../videos/index.ts'

export type OpenDeps = { readonly db: Db; readonly jobs: Jobs; readonly clock: Clock }

export type Opening = {
  readonly uid: string
  readonly plan: Plan
  readonly media: MediaBlob
  readonly index: BlobFacts | null
  /** For the events: what was found and why it is encoded. */
  readonly container: string
  readonly notes: readonly string[]
  /** Whether there are further tracks in the file, which are to be taken. */
  readonly inside: boolean
}

/** Opens the timeline and completes the job. Throws `lease_lost`, then nothing was written. */
export async function openTimeline(deps: OpenDeps, job: ClaimedJob, opening: Opening): Promise<void> {
  const { uid, plan, media, index } = opening
  const nothing = new Map<string, ReadonlySet<number>>()
  const complete = isComplete(plan, nothing)
  await deps.db.transaction().execute(async (trx) => {
    await deps.jobs.complete(trx, job)
    for (const blob of [media.made, index]) {
      if (blob !== null) await recordBlob(trx, deps.clock, uid, blob)
    }
    await insertPlan(trx, { uid, plan, mediaBlob: media.name, indexBlob: index?.name ?? null, complete })
    await setSourceFacts(trx, uid, {
      durationSeconds: planDurationSeconds(plan),
      displaySize: { width: plan.picture.displayWidth, height: plan.picture.displayHeight },
    })
    const video = await requireVideo(trx, uid)
    await recordEvent(trx, deps.clock, video, { kind: 'planned', detail: describe(opening) })
    await enqueueFirstChunks(trx, deps.jobs, uid, plan)
    if (opening.inside) await enqueueInside(deps, trx, uid)
    if (!isPlayable(plan, nothing)) return
    await moveVideo(trx, deps, uid, 'ready', complete ? { pctComplete: 100 } : {})
    if (complete) await completeVideo(trx, deps, video)
  })
}

/** What the owner may want to know of the plan. */
function describe({ plan, container, notes }: Opening): JsonObject {
  return {
    container,
    picture: plan.picture.codec,
    sound: plan.sound?.codec ?? null,
    passthrough: plan.video.some(({ made }) => made === 'passthrough'),
    renditions: plan.video.map(({ name }) => name),
    segments: plan.cuts.length - 1,
    notes: [...notes],
  }
}
