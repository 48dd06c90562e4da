/** The queries of live notifications. */

import type { Selectable } from 'kysely'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Db, LiveNotificationsTable, Trx } from '../../tables.ts'
import type { LiveNotification } from './live-notification.ts'

/** The account's, or `undefined`. */
export async function findLiveNotification(db: Db, accountId: string): Promise<LiveNotification | undefined> {
  const row = await db
    .selectFrom('live_notifications')
    .selectAll()
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return row && notificationFromRow(row)
}

/** The account's; throws `not_found` when none is set. */
export async function requireLiveNotification(db: Db, accountId: string): Promise<LiveNotification> {
  const found = await findLiveNotification(db, accountId)
  if (found !== undefined) return found
  throw new HeadwaterError('not_found', 'No live notification is set; PUT one with url.')
}

/** The one of that id, or `undefined`. */
export async function getLiveNotification(db: Db, id: string): Promise<LiveNotification | undefined> {
  const row = await db.selectFrom('live_notifications').selectAll().where('id', '=', id).executeTakeFirst()
  return row && notificationFromRow(row)
}

/** Adds it, or writes it over the one of the same id. */
export async function keepLiveNotification(trx: Trx, notification: LiveNotification): Promise<void> {
  const { id, ...rest } = notificationToRow(notification)
  await trx
    .insertInto('live_notifications')
    .values({ id, ...rest })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(rest))
    .execute()
}

/** Removes it. */
export async function deleteLiveNotificationRow(trx: Trx, id: string): Promise<void> {
  await trx.deleteFrom('live_notifications').where('id', '=', id).execute()
}

function notificationToRow(notification: LiveNotification): LiveNotificationsTable {
  return {
    id: notification.id,
    account_id: notification.accountId,
    name: notification.name,
    url: notification.url,
    secret: notification.secret,
    inputs: JSON.stringify(notification.inputs),
    created_us: notification.createdUs,
    modified_us: notification.modifiedUs,
  }
}

function notificationFromRow(row: Selectable<LiveNotificationsTable>): LiveNotification {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    url: row.url,
    secret: row.secret,
    inputs: JSON.parse(row.inputs) as string[],
    createdUs: row.created_us,
    modifiedUs: row.modified_us,
  }
}
