/**
 * A subscription: an address that is called when something happens to the account's videos (webhooks.md §1). The vendor
 * knows one per account, the main one; beside it there may be more, each with events of its own choice.
 */

import type { Jobs } from '../../jobs/job.ts'
import type { Clock, Fetcher } from '../../ports.ts'
import type { Db } from '../../tables.ts'

/** What calls tell of: the video plays, it failed, or (our own) all of its renditions are made. */
export const WEBHOOK_EVENTS = ['ready', 'error', 'complete'] as const
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

/** Place of the main subscription. */
export const MAIN_PLACE = 0

/** Its events: one call per video (webhooks.md §2), and the default of the others. */
export const MAIN_EVENTS: readonly WebhookEvent[] = ['ready', 'error']

/** Subscriptions of an account, the main one included. */
export const MOST_SUBSCRIPTIONS = 6

/** Place of whoever is told of broadcasts, beside all of those. */
export const LIVE_PLACE = MOST_SUBSCRIPTIONS

/** Calls at once: ten to webhooks (webhooks.md §4), and one to whoever is told of broadcasts. */
export const MOST_AT_ONCE = 11

/**
 * Kinds of the jobs that make calls, one per place: a slot of its own for each keeps a receiver that hangs from holding
 * up the others.
 */
export const WEBHOOK_KINDS: readonly string[] = Array.from({ length: LIVE_PLACE + 1 }, (_, place) =>
  webhookKind(place),
)

/** Kind of the jobs for the subscription at `place`. */
export function webhookKind(place: number): string {
  return `webhook-${place}`
}

export type Subscription = {
  readonly id: string
  readonly accountId: string
  /** From 0, below `MOST_SUBSCRIPTIONS`; unique per account. */
  readonly place: number
  /** As the customer gave it; may hold a password. */
  readonly url: string
  /** 32 hexadecimal characters, used as text. */
  readonly secret: string
  readonly events: readonly WebhookEvent[]
  /** Base of the addresses in bodies, without a trailing slash, unless a setting says it. */
  readonly baseUrl: string
  readonly createdUs: number
  readonly modifiedUs: number
}

/** What managing subscriptions and calls takes. */
export type WebhookDeps = {
  readonly db: Db
  readonly jobs: Jobs
  readonly clock: Clock
  readonly fetcher: Fetcher
}
