/** The jobs that encode a video: first chunks at once, the rest when the first is there. */

import { type Jobs, PRIORITY, type Priority } from '../../jobs/job.ts'
import type { Trx } from '../../tables.ts'
import type { EncodeChunk, Plan } from '../planning/index.ts'

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
  return (['low', 'ladder'] as const).filter((pass) => plan.video.some(({ made }) => made === pass))
}

/**
 * The first jobs of a plan: the first seconds of picture and sound. Where the source plays already, the picture's first
 * chunk is not what a viewer waits for.
 */
export async function enqueueFirstChunks(trx: Trx, jobs: Jobs, uid: string, plan: Plan): Promise<void> {
  const [pass] = passesOf(plan)
  if (plan.audio?.made === 'encoded') {
    await enqueueChunk(trx, jobs, { uid, kind: 'audio', pass: 'ladder', firstSegment: 0 }, PRIORITY.first)
  }
  if (pass === undefined) return
  const priority = pass === 'low' ? PRIORITY.first : PRIORITY.rest
  await enqueueChunk(trx, jobs, { uid, kind: 'video', pass, firstSegment: 0 }, priority)
}

/** The jobs that follow when the first chunk of `done` is there: it ran alone, they run as many at a time as may. */
export async function enqueueFollowing(trx: Trx, jobs: Jobs, plan: Plan, done: EncodePayload): Promise<void> {
  if (done.firstSegment !== 0) return
  const { uid, kind, pass } = done
  const rest = (chunks: readonly EncodeChunk[]): readonly EncodeChunk[] => chunks.slice(1)
  const chunks = rest(kind === 'audio' ? plan.audioChunks : plan.videoChunks)
  for (const { firstSegment } of chunks) {
    await enqueueChunk(trx, jobs, { uid, kind, pass, firstSegment }, PRIORITY.rest)
  }
  // The ladder's first chunk stands behind the low rung's last one.
  if (kind === 'video' && pass === 'low' && passesOf(plan).includes('ladder')) {
    await enqueueChunk(trx, jobs, { uid, kind, pass: 'ladder', firstSegment: 0 }, PRIORITY.rest)
  }
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
