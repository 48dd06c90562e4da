/** The outbox: what is owed to the subscriptions, written by the transaction that does what the calls tell of. */

import { type Jobs, PRIORITY } from '../../jobs/job.ts'
import type { Clock } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import type { Call, CallEvent, CallPayload } from './call.ts'
import { insertCall } from './call-records.ts'
import type { Receiver } from './receiver.ts'
import { type WebhookEvent, webhookKind } from './subscription.ts'
import { listSubscriptions } from './subscription-records.ts'

/** What writing to the outbox takes. */
export type OutboxDeps = { readonly clock: Clock; readonly jobs: Jobs }

/** A server that is down for longer than this gives its pending calls up. */
const DEADLINE_MS = 30 * 86_400_000

/** Owes a call about the video to every subscription of its account that wants `event`. */
export async function recordCalls(
  trx: Trx,
  deps: OutboxDeps,
  video: { readonly uid: string; readonly accountId: string },
  event: WebhookEvent,
): Promise<void> {
  const subscriptions = await listSubscriptions(trx, video.accountId)
  for (const subscription of subscriptions.filter(({ events }) => events.includes(event))) {
    await recordCall(trx, deps, subscription, {
      accountId: video.accountId,
      subject: video.uid,
      event,
      body: null,
    })
  }
}

/** Owes one call. `subject`: the video or live input; `body`: null for a video, which is described at the first attempt. */
export async function recordCall(
  trx: Trx,
  deps: OutboxDeps,
  receiver: Pick<Receiver, 'id' | 'place'>,
  {
    accountId,
    subject,
    event,
    body,
  }: { accountId: string; subject: string; event: CallEvent; body: string | null },
): Promise<void> {
  const nowUs = deps.clock.nowUs()
  const call: Call = {
    id: deps.clock.newUid(),
    accountId,
    subscriptionId: receiver.id,
    videoUid: subject,
    event,
    state: 'pending',
    body,
    tries: 0,
    turn: 1,
    dueUs: nowUs,
    error: null,
    createdUs: nowUs,
    endedUs: null,
  }
  await insertCall(trx, call)
  await planAttempt(trx, deps, receiver, { ...call, dueUs: nowUs })
}

/** Has an attempt made when it is due: a job of its own for each, so that what was planned before is void. */
export async function planAttempt(
  trx: Trx,
  deps: OutboxDeps,
  receiver: Pick<Receiver, 'place'>,
  call: Pick<Call, 'id' | 'turn'> & { readonly dueUs: number },
): Promise<void> {
  const payload: CallPayload = { call: call.id, turn: call.turn }
  await deps.jobs.enqueue(trx, {
    kind: webhookKind(receiver.place),
    dedupe: `webhook/${call.id}/${call.turn}`,
    payload,
    priority: PRIORITY.rest,
    ...(call.dueUs > deps.clock.nowUs() && { runAtUs: call.dueUs }),
    deadlineMs: DEADLINE_MS,
  })
}
