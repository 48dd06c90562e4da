/** Makes and ends subscriptions. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { Db } from '../../tables.ts'
import { dropCalls } from './call-records.ts'
import { checkTarget } from './check-target.ts'
import {
  MAIN_EVENTS,
  MAIN_PLACE,
  MOST_SUBSCRIPTIONS,
  type Subscription,
  type WebhookDeps,
  type WebhookEvent,
} from './subscription.ts'
import {
  deleteSubscriptionRow,
  insertSubscription,
  listSubscriptions,
  updateSubscription,
} from './subscription-records.ts'

export type NewSubscription = {
  readonly accountId: string
  readonly url: string
  /** Name of the field that `url` came in. */
  readonly field: string
  /** Base of the addresses in bodies, without a trailing slash. */
  readonly baseUrl: string
}

/**
 * Sets the main subscription, or gives the one there is another address; always with a new secret (webhooks.md §1).
 * Pending calls go to the new address. Throws `bad_request`.
 */
export async function putMainSubscription(
  deps: WebhookDeps,
  request: NewSubscription,
): Promise<Subscription> {
  await checkTarget(deps, request.url, request.field)
  return deps.db.transaction().execute(async (trx) => {
    const [first] = await listSubscriptions(trx, request.accountId)
    const made = makeSubscription(deps, request, { place: MAIN_PLACE, events: MAIN_EVENTS })
    if (first?.place !== MAIN_PLACE) {
      await insertSubscription(trx, made)
      return made
    }
    const changed = { ...made, id: first.id, createdUs: first.createdUs }
    await updateSubscription(trx, changed)
    return changed
  })
}

/** The main subscription. Throws `not_found` when none is set. */
export async function requireMainSubscription(db: Db, accountId: string): Promise<Subscription> {
  const [first] = await listSubscriptions(db, accountId)
  if (first?.place === MAIN_PLACE) return first
  throw new HeadwaterError('not_found', 'No webhook is set; PUT one with notificationUrl.')
}

/** Adds one beside the main one. Throws `bad_request`, and `conflict` when there are as many as there may be. */
export async function createSubscription(
  deps: WebhookDeps,
  request: NewSubscription & { readonly events: readonly WebhookEvent[] },
): Promise<Subscription> {
  await checkTarget(deps, request.url, request.field)
  return deps.db.transaction().execute(async (trx) => {
    const taken = new Set((await listSubscriptions(trx, request.accountId)).map(({ place }) => place))
    let place = MAIN_PLACE + 1
    while (taken.has(place)) place += 1
    if (place >= MOST_SUBSCRIPTIONS) {
      throw new HeadwaterError(
        'conflict',
        `There are ${MOST_SUBSCRIPTIONS - 1} webhooks beside the main one already, and more there may not be; delete one first.`,
      )
    }
    const made = makeSubscription(deps, request, { place, events: [...new Set(request.events)] })
    await insertSubscription(trx, made)
    return made
  })
}

/** Ends any of them, the main one too; what is owed to it is dropped (webhooks.md §4). Throws `not_found`. */
export async function deleteSubscription(
  deps: Pick<WebhookDeps, 'db' | 'clock'>,
  accountId: string,
  id: string,
): Promise<void> {
  await deps.db.transaction().execute(async (trx) => {
    if (!(await deleteSubscriptionRow(trx, accountId, id))) {
      throw new HeadwaterError('not_found', 'There is no such webhook; it may have been deleted.')
    }
    await dropCalls(trx, id, { error: 'The webhook was deleted.', atUs: deps.clock.nowUs() })
  })
}

function makeSubscription(
  deps: WebhookDeps,
  request: NewSubscription,
  { place, events }: Pick<Subscription, 'place' | 'events'>,
): Subscription {
  const nowUs = deps.clock.nowUs()
  return {
    id: deps.clock.newUid(),
    accountId: request.accountId,
    place,
    url: request.url,
    // 128 random bits in the spelling that the vendor's have.
    secret: deps.clock.newUid(),
    events,
    baseUrl: request.baseUrl,
    createdUs: nowUs,
    modifiedUs: nowUs,
  }
}
