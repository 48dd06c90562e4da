/** The outbox: what is owed to the subscriptions, written by the transaction that does what the calls tell of. */

import { type Jobs, PRIORITY } from '../../jobs/job.ts'
import type { Clock } from '../../ports.ts'
import type { Trx } from '../../tables.ts'
import type { Call, CallPayload } from './call.ts'
import { insertCall } from './call-records.ts'
import { type Subscription, type WebhookEvent, webhookKind } from './subscription.ts'
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
    const nowUs = deps.clock.nowUs()
    const call: Call = {
      id: deps.clock.newUid(),
      accountId: video.accountId,
      subscriptionId: subscription.id,
      videoUid: video.uid,
      event,
      state: 'pending',
      body: null,
      tries: 0,
      turn: 1,
      dueUs: nowUs,
      error: null,
      createdUs: nowUs,
      endedUs: null,
    }
    await insertCall(trx, call)
    await planAttempt(trx, deps, subscription, { ...call, dueUs: nowUs })
  }
}

/** Has an attempt made when it is due: a job of its own for each, so that what was planned before is void. */
export async function planAttempt(
  trx: Trx,
  deps: OutboxDeps,
  subscription: Pick<Subscription, 'place'>,
  call: Pick<Call, 'id' | 'turn'> & { readonly dueUs: number },
): Promise<void> {
  const payload: CallPayload = { call: call.id, turn: call.turn }
  await deps.jobs.enqueue(trx, {
    kind: webhookKind(subscription.place),
    dedupe: `webhook/${call.id}/${call.turn}`,
    payload,
    priority: PRIORITY.rest,
    ...(call.dueUs > deps.clock.nowUs() && { runAtUs: call.dueUs }),
    deadlineMs: DEADLINE_MS,
  })
}
