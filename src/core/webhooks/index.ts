/** What others may import from `core/webhooks`. */
export { type Attempt, type Call, CALL_STATES, type CallEvent, type CallState } from './call.ts'
export { type CallQuery, listAttempts, listCalls } from './call-records.ts'
export { checkHost } from './check-target.ts'
export { type DeliverDeps, deliverCall, giveUpDelivery } from './deliver-call.ts'
export {
  LIVE_ERRORS,
  LIVE_EVENTS,
  type LiveError,
  type LiveErrorCode,
  type LiveNews,
  type LiveNotification,
} from './live-notification.ts'
export { requireLiveNotification } from './live-notification-records.ts'
export {
  deleteLiveNotification,
  type NewLiveNotification,
  putLiveNotification,
  recordLiveCall,
} from './manage-live-notification.ts'
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
