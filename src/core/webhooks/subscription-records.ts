/** The queries of subscriptions. */

import type { Selectable } from 'kysely'
import type { Db, Trx, WebhookSubscriptionsTable } from '../../tables.ts'
import type { Subscription, WebhookEvent } from './subscription.ts'

/** Those of an account, the main one first. */
export async function listSubscriptions(db: Db, accountId: string): Promise<readonly Subscription[]> {
  const rows = await db
    .selectFrom('webhook_subscriptions')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('place')
    .execute()
  return rows.map(subscriptionFromRow)
}

/** The subscription, or `undefined`. */
export async function getSubscription(db: Db, id: string): Promise<Subscription | undefined> {
  const row = await db.selectFrom('webhook_subscriptions').selectAll().where('id', '=', id).executeTakeFirst()
  return row && subscriptionFromRow(row)
}

/** Adds it. */
export async function insertSubscription(trx: Trx, subscription: Subscription): Promise<void> {
  await trx
    .insertInto('webhook_subscriptions')
    .values({
      id: subscription.id,
      account_id: subscription.accountId,
      place: subscription.place,
      url: subscription.url,
      secret: subscription.secret,
      events: JSON.stringify(subscription.events),
      base_url: subscription.baseUrl,
      created_us: subscription.createdUs,
      modified_us: subscription.modifiedUs,
    })
    .execute()
}

/** Gives it another address and secret. */
export async function updateSubscription(trx: Trx, subscription: Subscription): Promise<void> {
  await trx
    .updateTable('webhook_subscriptions')
    .set({
      url: subscription.url,
      secret: subscription.secret,
      base_url: subscription.baseUrl,
      modified_us: subscription.modifiedUs,
    })
    .where('id', '=', subscription.id)
    .execute()
}

/** Removes it. False when there is none of that id in the account. */
export async function deleteSubscriptionRow(trx: Trx, accountId: string, id: string): Promise<boolean> {
  const result = await trx
    .deleteFrom('webhook_subscriptions')
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

function subscriptionFromRow(row: Selectable<WebhookSubscriptionsTable>): Subscription {
  return {
    id: row.id,
    accountId: row.account_id,
    place: row.place,
    url: row.url,
    secret: row.secret,
    events: JSON.parse(row.events) as WebhookEvent[],
    baseUrl: row.base_url,
    createdUs: row.created_us,
    modifiedUs: row.modified_us,
  }
}
