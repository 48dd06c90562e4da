/** The life of a video: which state may follow which, and the only functions that change a state (api.md §3.1). */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Trx } from '../../tables.ts'
import { type OutboxDeps, recordCalls } from '../webhooks/index.ts'
import type { ErrorReasonCode, JsonObject, Video, VideoState } from './video.ts'
import { hasEvent, insertEvent } from './video-events.ts'
import { requireVideo, updateVideo } from './video-records.ts'

/** `ready` never falls back, and nothing leaves `error` by itself (`requeueVideo`). */
const ALLOWED_MOVES: Readonly<Record<VideoState, readonly VideoState[]>> = {
  pendingupload: ['queued', 'error'],
  downloading: ['queued', 'error'],
  queued: ['inprogress', 'error'],
  inprogress: ['ready', 'error'],
  'live-inprogress': ['queued', 'inprogress', 'ready', 'error'],
  ready: [],
  error: [],
}

/** api.md §3.1; the first and the fourth are the vendor's own words. */
const REASON_TEXTS: Readonly<Record<ErrorReasonCode, string>> = {
  ERR_NON_VIDEO: 'The file was not recognized as a valid video file.',
  ERR_DURATION_EXCEED_CONSTRAINT: 'The video is longer than the limit set for this upload.',
  ERR_FETCH_ORIGIN_ERROR: 'The video could not be downloaded from the given URL.',
  ERR_MALFORMED_VIDEO: 'The video was deemed to be corrupted or malformed.',
  ERR_DURATION_TOO_SHORT: 'The video is shorter than 0.1 seconds.',
  ERR_UNKNOWN: 'The video could not be processed.',
}

/** What may change together with the state. */
export type VideoChanges = Partial<
  Pick<
    Video,
    | 'meta'
    | 'step'
    | 'pctComplete'
    | 'error'
    | 'sizeBytes'
    | 'durationSeconds'
    | 'displaySize'
    | 'uploadedUs'
    | 'scheduledDeletionUs'
  >
>

/** What moving a video takes: the time, and the queue of the calls that tell of it. */
export type MoveDeps = OutboxDeps

/** Whether a video in `from` may move to `to`. */
export function isAllowedMove(from: VideoState, to: VideoState): boolean {
  return ALLOWED_MOVES[from].includes(to)
}

/**
 * Moves a video to another state: writes the event (`kind` defaults to the state's name) and owes the webhooks their
 * calls, sets what belongs to the state (`uploaded`, `readyToStreamAt`, `step`, `pctComplete`) unless `changes` says
 * otherwise, and keeps the counters. Throws `conflict` for a move that is not allowed, also to the state it is in, and
 * `not_found`.
 */
export async function moveVideo(
  trx: Trx,
  deps: MoveDeps,
  uid: string,
  to: VideoState,
  changes: VideoChanges = {},
  event: { kind?: string; detail?: JsonObject } = {},
): Promise<Video> {
  const video = await requireVideo(trx, uid)
  if (!isAllowedMove(video.state, to)) {
    throw new HeadwaterError('conflict', `A video that is ${video.state} cannot become ${to}.`, {
      facts: { uid, from: video.state, to },
    })
  }
  const nowUs = deps.clock.nowUs()
  await insertEvent(trx, video, { kind: event.kind ?? to, detail: event.detail, atUs: nowUs })
  if (to === 'ready' || to === 'error') await recordCalls(trx, deps, video, to)
  return updateVideo(trx, deps.clock, video, { ...fieldsOfState(video, to, nowUs), ...changes, state: to })
}

/**
 * Ends a video with a reason for its owner, as `explainFailure` makes it; `detail.detail` is the sentence that says what
 * was found. One that plays already goes on playing, and one that failed keeps its first reason: then only the event is
 * written. Throws `not_found`.
 */
export async function failVideo(
  trx: Trx,
  deps: MoveDeps,
  uid: string,
  failure: { reasonCode: ErrorReasonCode; detail: JsonObject; changes?: VideoChanges },
): Promise<Video> {
  const { reasonCode, detail } = failure
  const video = await requireVideo(trx, uid)
  if (!isAllowedMove(video.state, 'error')) {
    await insertEvent(trx, video, {
      kind: 'failure',
      detail: { ...detail, reasonCode },
      atUs: deps.clock.nowUs(),
    })
    return video
  }
  // The vendor's sentence first, for whoever looks for it; then what was found.
  const found = typeof detail.detail === 'string' ? ` ${detail.detail}` : ''
  const error = { reasonCode, reasonText: `${REASON_TEXTS[reasonCode]}${found}`, detail }
  return moveVideo(
    trx,
    deps,
    uid,
    'error',
    { ...failure.changes, error },
    { detail: { ...detail, reasonCode } },
  )
}

/**
 * The one way out of `error`, asked for by the owner: the video waits in the queue again and its reason is forgotten
 * (the events keep it). Throws `conflict` when it has not failed.
 */
export async function requeueVideo(trx: Trx, clock: MoveDeps['clock'], video: Video): Promise<Video> {
  if (video.state !== 'error') {
    throw new HeadwaterError('conflict', `A video that is ${video.state} has not failed.`)
  }
  const reasonCode = video.error?.reasonCode ?? 'ERR_UNKNOWN'
  await insertEvent(trx, video, { kind: 'retried', detail: { reasonCode }, atUs: clock.nowUs() })
  return updateVideo(trx, clock, video, { state: 'queued', error: null, step: null, pctComplete: null })
}

/**
 * Writes down that every rendition of a video is made, and owes the webhooks that want it their calls: the first time
 * only, since nobody waits for one that was repaired.
 */
export async function completeVideo(
  trx: Trx,
  deps: MoveDeps,
  video: Pick<Video, 'uid' | 'accountId'>,
): Promise<void> {
  const isFirst = !(await hasEvent(trx, video.uid, 'complete'))
  await insertEvent(trx, video, { kind: 'complete', atUs: deps.clock.nowUs() })
  if (isFirst) await recordCalls(trx, deps, video, 'complete')
}

/** What entering `to` means for the other fields. */
function fieldsOfState(video: Video, to: VideoState, nowUs: number): Partial<Video> {
  switch (to) {
    case 'queued':
      return { uploadedUs: video.uploadedUs ?? nowUs }
    case 'inprogress':
      return { step: 'encoding', pctComplete: video.pctComplete ?? 0 }
    case 'ready':
      return { step: null, readyUs: video.readyUs ?? nowUs }
    default:
      return {}
  }
}
