/**
 * The port of the durable queue. A job is enqueued inside the caller's transaction, claimed under a lease, kept by
 * heartbeats and finished with the fencing token of its claim; a worker that was paused beyond its lease can therefore
 * write nothing. It does not know what a video is.
 */

import type { Trx } from '../tables.ts'

/** Smaller runs first. */
export const PRIORITY = { live: 0, viewer: 1, first: 2, rest: 3 } as const
export type Priority = (typeof PRIORITY)[keyof typeof PRIORITY]

export type NewJob = {
  readonly kind: string
  /** Names the work; while an equal one is queued or active, enqueuing again only raises its priority. */
  readonly dedupe: string
  /** JSON-serialisable. */
  readonly payload: unknown
  readonly videoUid?: string
  readonly priority: Priority
  /** Not before, and at most three hours ahead: what is further away is taken for the work of a clock that was set back. Default: now. */
  readonly runAtUs?: number
  /** Default 4. */
  readonly maxAttempts?: number
  /** From enqueuing to giving up, default 24 h. One of a day or more has at least a day for each try. */
  readonly deadlineMs?: number
}

/** A claim on one job. */
export type ClaimedJob = {
  readonly id: number
  readonly kind: string
  readonly payload: unknown
  readonly videoUid: string | null
  readonly priority: number
  /** 1 for the first try. */
  readonly attempt: number
  readonly maxAttempts: number
  readonly deadlineUs: number
  /** Fencing token of this claim: another number for every claim of the job, so it can name what the claim makes. */
  readonly token: number
}

export interface Jobs {
  /** Visible to workers once the caller's transaction commits. */
  enqueue(trx: Trx, job: NewJob): Promise<void>
  /**
   * The most urgent runnable job of these kinds, leased for `leaseMs`; a job whose lease ran out comes first.
   * `maxPriority` leaves less urgent ones alone. A job may come with more attempts than it has, or beyond its deadline,
   * when its holders died: then it is not to be run but given up.
   */
  claim(options: {
    kinds: readonly string[]
    leaseMs: number
    maxPriority?: number
  }): Promise<ClaimedJob | undefined>
  /** Whether there may be a runnable job of these kinds; asks without taking part in writing. */
  hasWork(kinds: readonly string[]): Promise<boolean>
  /** Extends the lease. `lost`: somebody else has it, or it was dropped; stop working. */
  heartbeat(job: ClaimedJob, leaseMs: number): Promise<'held' | 'lost'>
  /** Finishes inside the transaction that records the result. Throws `lease_lost` when the token is no longer current. */
  complete(trx: Trx, job: ClaimedJob): Promise<void>
  /** Back to the queue for `retryAtUs`, or failed for good. Does nothing when the token is no longer current. */
  fail(job: ClaimedJob, failure: { error: string; retryAtUs: number | 'never' }): Promise<void>
  /** Gives an unfinished job back, claimable at once or after `pause`; the claim does not count as an attempt. */
  release(job: ClaimedJob, pause?: { error: string; retryAtUs: number }): Promise<void>
  /** What the latest job of a kind for a video was told, also when it has ended; undefined when it was forgotten. */
  payloadOf(trx: Trx, kind: string, videoUid: string): Promise<unknown>
  /** Removes the unfinished jobs of a video (it is being deleted); their holders lose the lease. */
  drop(trx: Trx, videoUid: string): Promise<void>
  /**
   * After a start: the jobs of this machine's dead process are claimable at once. Only after many such deaths do they
   * count as attempts.
   */
  releaseAll(): Promise<void>
  /** Forgets jobs that finished (done or failed) before then; they are kept for a while to be looked at. */
  forgetFinished(beforeUs: number): Promise<void>
  /** Called after every commit that may have added runnable work in this process. */
  onWork(listener: () => void): () => void
}
