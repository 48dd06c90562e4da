/** The jobs that encode a video: first chunks at once, the rest when the first is there. */

import { type Jobs, PRIORITY, type Priority } from '../../jobs/job.ts'
import type { Trx } from '../../tables.ts'
import { chunkOf, type Plan, renditionsOfPass } from '../planning/index.ts'
import { type FinishedSegments, findFinished, madeSegments } from './chunk-records.ts'
import { missingRuns } from './missing-runs.ts'

/** What an `encode` job is to make: one chunk of sound, or of the renditions of a pass. */
export type EncodePayload = {
  readonly uid: string
  readonly kind: 'video' | 'audio'
  /** `low` is made first, alone, where nothing is passed through. Sound has one pass, `ladder`. */
  readonly pass: 'low' | 'ladder'
  readonly firstSegment: number
}

/** What an `urgent` job is to make: one rendition, from this segment on. */
export type UrgentPayload = { readonly uid: string; readonly rendition: string; readonly segment: number }

/** Which passes a plan has, in order. */
export function passesOf(plan: Plan): ('low' | 'ladder')[] {
  return (['low', 'ladder'] as const).filter((pass) => renditionsOfPass(plan, pass).length > 0)
}

/**
 * The first jobs of a plan: the first seconds of picture and sound. Where the source plays already, the picture's first
 * chunk is not what a viewer waits for.
 */
export async function enqueueFirstChunks(trx: Trx, jobs: Jobs, uid: string, plan: Plan): Promise<void> {
  if (plan.audio?.made === 'encoded') {
    await enqueuePass(trx, jobs, plan, { uid, kind: 'audio', pass: 'ladder' }, PRIORITY.first)
  }
  const [pass] = passesOf(plan)
  if (pass === undefined) return
  const priority = pass === 'low' ? PRIORITY.first : PRIORITY.rest
  await enqueuePass(trx, jobs, plan, { uid, kind: 'video', pass }, priority)
}

/** The first chunk of a pass; where it is there already, as in clips, what follows it. */
async function enqueuePass(
  trx: Trx,
  jobs: Jobs,
  plan: Plan,
  pass: Omit<EncodePayload, 'firstSegment'>,
  priority: Priority,
): Promise<void> {
  const first = { ...pass, firstSegment: 0 }
  if (isMissing(plan, first, await findFinished(trx, pass.uid))) {
    await enqueueChunk(trx, jobs, first, priority)
  } else await enqueueFollowing(trx, jobs, plan, first)
}

/** The jobs that follow when the first chunk of `done` is there: it ran alone, they run as many at a time as may. */
export async function enqueueFollowing(trx: Trx, jobs: Jobs, plan: Plan, done: EncodePayload): Promise<void> {
  if (done.firstSegment !== 0) return
  const { uid, kind, pass } = done
  const finished = await findFinished(trx, uid)
  const chunks = (kind === 'audio' ? plan.audioChunks : plan.videoChunks).slice(1)
  for (const { firstSegment } of chunks) {
    const payload = { uid, kind, pass, firstSegment }
    if (!isMissing(plan, payload, finished)) continue
    // The last segment of a clip is all that it lacks.
    const isEdge = plan.window !== undefined && firstSegment === chunks.at(-1)?.firstSegment
    await enqueueChunk(trx, jobs, payload, isEdge ? PRIORITY.first : PRIORITY.rest)
  }
  // The ladder's first chunk stands behind the low rung's last one.
  if (kind === 'video' && pass === 'low' && passesOf(plan).includes('ladder')) {
    await enqueuePass(trx, jobs, plan, { uid, kind, pass: 'ladder' }, PRIORITY.rest)
  }
}

/** Whether something of a chunk is still to be made. */
function isMissing(plan: Plan, payload: EncodePayload, finished: FinishedSegments): boolean {
  const { kind, pass, firstSegment } = payload
  if (kind === 'audio') {
    const has = finished.get(plan.audio?.id ?? '') ?? new Set()
    return missingRuns(chunkOf(plan.audioChunks, firstSegment), has).length > 0
  }
  const chunk = chunkOf(plan.videoChunks, firstSegment)
  return renditionsOfPass(plan, pass).some(
    (rendition) => missingRuns(chunk, madeSegments(plan, rendition, finished)).length > 0,
  )
}

async function enqueueChunk(trx: Trx, jobs: Jobs, payload: EncodePayload, priority: Priority): Promise<void> {
  const { uid, kind, pass, firstSegment } = payload
  await jobs.enqueue(trx, {
    kind: 'encode',
    dedupe: `encode/${uid}/${kind}/${pass}/${firstSegment}`,
    payload,
    videoUid: uid,
    priority,
    // A ladder of a long film on a small machine takes days.
    deadlineMs: 14 * 24 * 3_600_000,
  })
}
