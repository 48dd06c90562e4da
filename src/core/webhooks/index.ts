/** What others may import from `core/webhooks`. */
export { type Attempt, type Call, CALL_STATES, type CallState } from './call.ts'
export { type CallQuery, listAttempts, listCalls } from './call-records.ts'
export { type DeliverDeps, deliverCall, giveUpDelivery } from './deliver-call.ts'
export {
  createSubscription,
  deleteSubscription,
  putMainSubscription,
  requireMainSubscription,
} from './manage-subscriptions.ts'
export { type OutboxDeps, recordCalls } from './record-calls.ts'
export { replayCall, requireCall, sweepCalls } from './replay-call.ts'
export {
  MAIN_EVENTS,
  MAIN_PLACE,
  MOST_AT_ONCE,
  type Subscription,
  WEBHOOK_EVENTS,
  WEBHOOK_KINDS,
  type WebhookDeps,
  type WebhookEvent,
} from './subscription.ts'
export { listSubscriptions } from './subscription-records.ts'
