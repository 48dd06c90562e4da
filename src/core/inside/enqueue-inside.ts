/** Having the tracks inside a file taken. */

import { type Jobs, PRIORITY } from '../../jobs/job.ts'
import type { Trx } from '../../tables.ts'

/** Kind of the job, and what it is told. */
export const INSIDE_KIND = 'tracks-inside'
export type InsidePayload = { readonly uid: string }

/** A file that cannot be read through twice will not be the third time. */
const MOST_ATTEMPTS = 3

/** Has the further tracks in a video's file taken, not before `runAtUs` if it is given. */
export async function enqueueInside(
  deps: { readonly jobs: Jobs },
  trx: Trx,
  uid: string,
  runAtUs?: number,
): Promise<void> {
  const payload: InsidePayload = { uid }
  await deps.jobs.enqueue(trx, {
    kind: INSIDE_KIND,
    dedupe: `${INSIDE_KIND}/${uid}`,
    payload,
    videoUid: uid,
    priority: PRIORITY.rest,
    runAtUs,
    maxAttempts: MOST_ATTEMPTS,
    // An encode that must come first may take days.
    deadlineMs: 14 * 24 * 3_600_000,
  })
}
