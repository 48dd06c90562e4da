/**
 * A call: one event of one video or live input, owed to one receiver. Its record is written by the transaction that moves
 * the video, together with a job per planned attempt, so neither a crash nor a receiver that is away loses it. What a crash
 * may leave: an attempt that was sent but not recorded, which is then made again (receivers use `uid` and `status.state`,
 * webhooks.md §2, or our `Headwater-Call`).
 */

import type { LiveEvent } from './live-notification.ts'
import type { WebhookEvent } from './subscription.ts'

/** `pending`: another attempt is planned. `dropped`: its subscription or video was deleted before it could be made. */
export const CALL_STATES = ['pending', 'delivered', 'failed', 'dropped'] as const
export type CallState = (typeof CALL_STATES)[number]

/** What a call may tell of. */
export type CallEvent = WebhookEvent | LiveEvent

export type Call = {
  readonly id: string
  readonly accountId: string
  readonly subscriptionId: string
  /** The video, or the live input. */
  readonly videoUid: string
  readonly event: CallEvent
  readonly state: CallState
  /** What every attempt sends; null before the first. */
  readonly body: string | null
  /** Failed attempts since it was made, or since it was replayed. */
  readonly tries: number
  /** Number of the planned attempt, from 1; a job for an older one has nothing to do any more. */
  readonly turn: number
  /** Of the next attempt; null unless pending. */
  readonly dueUs: number | null
  /** Why the last attempt failed or the call was dropped. */
  readonly error: string | null
  readonly createdUs: number
  readonly endedUs: number | null
}

export type Attempt = {
  readonly atUs: number
  readonly durationMs: number
  /** Host and port that were to be called. */
  readonly host: string
  /** Of the answer; null when none came. */
  readonly status: number | null
  /** null: a success. */
  readonly error: string | null
}

/** Payload of a job: one planned attempt. */
export type CallPayload = { readonly call: string; readonly turn: number }

/** Pauses before the retries (webhooks.md §4). */
const PAUSES_MS = [10_000, 60_000, 300_000, 1_800_000, 7_200_000] as const
/** Share by which a pause is longer or shorter at most, so that calls that failed together do not come back together. */
const JITTER = 0.1

/** How many times a call is sent at most, unless it is replayed. */
export const MOST_TRIES = PAUSES_MS.length + 1

/** Milliseconds to wait after the `tries`-th failure (from 1) of call `id`; `undefined` after the last. */
export function pauseAfterMs(id: string, tries: number): number | undefined {
  const pauseMs = PAUSES_MS[tries - 1]
  // The id is random, so each of its digits is.
  const chance = Number.parseInt(id.slice(4 * tries, 4 * tries + 4), 16) / 0xffff
  return pauseMs === undefined ? undefined : Math.round(pauseMs * (1 + JITTER * (2 * chance - 1)))
}
