/**
 * The jobs that make calls (webhooks.md §3, §4): one attempt each. A success, the end of the tries or the next attempt is
 * written by the transaction that completes the job; an attempt that a crash interrupts is made again.
 */

import type { ClaimedJob, Jobs } from '../../jobs/job.ts'
import type { JobContext } from '../../jobs/run-jobs.ts'
import { isFailure } from '../../lib/failure.ts'
import type { Log } from '../../lib/log.ts'
import type { Clock, Fetcher } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { type Attempt, type Call, type CallPayload, pauseAfterMs } from './call.ts'
import { getCall, insertAttempt, keepBody, updateCall } from './call-records.ts'
import { planAttempt } from './record-calls.ts'
import { findReceiver, type Receiver } from './receiver.ts'

export type DeliverDeps = {
  readonly db: Db
  readonly jobs: Jobs
  readonly clock: Clock
  readonly fetcher: Fetcher
  readonly log: Log
  /** The video as the API shows it at this moment, as JSON with addresses below `baseUrl`; `undefined` when it was deleted. */
  readonly describeVideo: (uid: string, baseUrl: string) => Promise<string | undefined>
}

/** From the beginning of the connection to the headers of the answer. */
const ANSWER_MS = 30_000
const GONE = 410

/** Runs a job: makes the attempt, unless nothing is owed any more. Throws only what is not the receiver's fault. */
export async function deliverCall(deps: DeliverDeps, job: ClaimedJob, context: JobContext): Promise<void> {
  const due = await findDue(deps, job)
  if (due === undefined) {
    await deps.db.transaction().execute((trx) => deps.jobs.complete(trx, job))
    return
  }
  const { call, receiver } = due
  const body = call.body ?? (await makeBody(deps, call, receiver))
  if (body === undefined) {
    await deps.db.transaction().execute(async (trx) => {
      await deps.jobs.complete(trx, job)
      await endCall(trx, deps, call, { state: 'dropped', error: 'The video was deleted before the call.' })
    })
    return
  }
  const attempt = await makeAttempt(deps, { call, receiver, body }, context.signal)
  await deps.db.transaction().execute(async (trx) => {
    await deps.jobs.complete(trx, job)
    await settle(trx, deps, due, attempt)
  })
}

/** What becomes of the call when its job was given up, which only this server can be at fault for: a failed attempt. */
export async function giveUpDelivery(deps: DeliverDeps, job: ClaimedJob, error: unknown): Promise<void> {
  const due = await findDue(deps, job)
  if (due === undefined) return
  const attempt: Attempt = {
    atUs: deps.clock.nowUs(),
    durationMs: 0,
    host: hostOf(due.receiver),
    status: null,
    error: error instanceof Error ? error.message : 'Something unexpected happened.',
  }
  await deps.db.transaction().execute((trx) => settle(trx, deps, due, attempt))
}

type Due = { readonly call: Call; readonly receiver: Receiver }

/** The call and where it goes; `undefined` when another attempt was planned instead, or none at all. */
async function findDue(deps: DeliverDeps, job: ClaimedJob): Promise<Due | undefined> {
  const payload = job.payload as CallPayload
  const call = await getCall(deps.db, payload.call)
  if (call?.state !== 'pending' || call.turn !== payload.turn) return undefined
  const receiver = await findReceiver(deps.db, call.subscriptionId)
  return receiver && { call, receiver }
}

async function makeBody(deps: DeliverDeps, call: Call, receiver: Receiver): Promise<string | undefined> {
  const body = await deps.describeVideo(call.videoUid, receiver.baseUrl)
  return body === undefined ? undefined : keepBody(deps.db, call.id, body)
}

/** One request, and what came of it. Throws when it was broken off by `signal`, which is no failure of the call's. */
async function makeAttempt(
  deps: DeliverDeps,
  { call, receiver, body: text }: Due & { body: string },
  signal: AbortSignal,
): Promise<Attempt> {
  const { clock } = deps
  const atUs = clock.nowUs()
  const startedMs = clock.monotonicMs()
  const ended = new AbortController()
  const late = new AbortController()
  void clock.sleep(ANSWER_MS, ended.signal).then(() => late.abort())
  const body = Buffer.from(text, 'utf8')
  const finish = (status: number | null, error: string | null): Attempt => ({
    atUs,
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    host: hostOf(receiver),
    status,
    error,
  })
  try {
    const answer = await deps.fetcher.fetch(
      {
        method: 'POST',
        url: receiver.url,
        headers: {
          'content-type': 'application/json',
          ...receiver.authenticate(body, Math.floor(atUs / 1_000_000)),
          'headwater-event': call.event,
          'headwater-call': call.id,
        },
        body,
        maxBytes: 0,
      },
      { signal: AbortSignal.any([signal, late.signal]) },
    )
    answer.discard()
    return finish(answer.status, judgeStatus(answer.status))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    if (late.signal.aborted) return finish(null, `No answer came within ${ANSWER_MS / 1000} s.`)
    if (!isFailure(error, 'fetch_failed') && !isFailure(error, 'fetch_refused')) throw error
    return finish(null, error.message)
  } finally {
    ended.abort()
  }
}

/** Why an answer with this status is a failure; null for a success. */
function judgeStatus(status: number): string | null {
  if (status >= 200 && status < 300) return null
  if (status === GONE) return 'The answer was 410: no more attempts are made.'
  if (status >= 300 && status < 400)
    return `The answer was a redirect (${status}), and redirects are not followed.`
  return `The answer was ${status}, a status from 200 to 299 was expected.`
}

/** Writes an attempt down and plans the next one, if there is to be one. */
async function settle(trx: Trx, deps: DeliverDeps, { call, receiver }: Due, attempt: Attempt): Promise<void> {
  const { error, status } = attempt
  await insertAttempt(trx, call.id, attempt)
  // Replayed or dropped while it was under way: what was decided then holds.
  const current = await getCall(trx, call.id)
  if (current?.state !== 'pending' || current.turn !== call.turn) return
  if (error === null) return endCall(trx, deps, call, { state: 'delivered', error })
  const tries = call.tries + 1
  const pauseMs = status === GONE ? undefined : pauseAfterMs(call.id, tries)
  const facts = { call: call.id, subject: call.videoUid, host: attempt.host, tries, error }
  if (pauseMs === undefined) {
    deps.log.warn(facts, 'a webhook call failed for good')
    return endCall(trx, deps, call, { state: 'failed', tries, error })
  }
  deps.log.info({ ...facts, pauseMs }, 'a webhook call failed; it will be tried again')
  const turn = call.turn + 1
  const dueUs = deps.clock.nowUs() + pauseMs * 1000
  await updateCall(trx, call.id, { tries, turn, dueUs, error })
  await planAttempt(trx, deps, receiver, { id: call.id, turn, dueUs })
}

async function endCall(
  trx: Trx,
  deps: DeliverDeps,
  call: Call,
  end: Pick<Call, 'state' | 'error'> & { tries?: number },
): Promise<void> {
  await updateCall(trx, call.id, { ...end, dueUs: null, endedUs: deps.clock.nowUs() })
}

/** What of the address may be shown. */
function hostOf(receiver: Receiver): string {
  return new URL(receiver.url).host
}
