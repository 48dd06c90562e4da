/** Webhooks: where calls go, the calls that are owed or were made, and every attempt at one. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const webhooks: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createSubscriptions(db)
    await createCalls(db)
    await createAttempts(db)
    await indexJobsByKind(db)
  },
}

/**
 * Thousands of calls to a receiver that is away wait in the queue for hours: whoever claims other work must not walk
 * past them, nor those who claim them past what is not due.
 */
async function indexJobsByKind(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropIndex('jobs_to_claim').execute()
  await db.schema
    .createIndex('jobs_to_claim')
    .on('jobs')
    .columns(['state', 'kind', 'priority', 'id', 'run_at_us'])
    .execute()
}

async function createSubscriptions(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('webhook_subscriptions')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('place', integer, (column) => column.notNull())
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('secret', text, (column) => column.notNull())
    .addColumn('events', text, (column) => column.notNull())
    .addColumn('base_url', text, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('modified_us', integer, (column) => column.notNull())
    .addUniqueConstraint('webhook_subscriptions_place', ['account_id', 'place'])
    .modifyEnd(tableEnd)
    .execute()
}

/** No foreign keys: the log outlives the subscription and the video it tells of. */
async function createCalls(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('webhook_calls')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('subscription_id', text, (column) => column.notNull())
    .addColumn('video_uid', text, (column) => column.notNull())
    .addColumn('event', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('body', text)
    .addColumn('tries', integer, (column) => column.notNull())
    .addColumn('turn', integer, (column) => column.notNull())
    .addColumn('due_us', integer)
    .addColumn('error', text)
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('ended_us', integer)
    .modifyEnd(tableEnd)
    .execute()
  for (const [name, columns] of Object.entries({
    webhook_calls_by_account: ['account_id', 'created_us', 'id'],
    webhook_calls_by_subscription: ['subscription_id', 'state'],
    webhook_calls_by_end: ['ended_us'],
  })) {
    await db.schema.createIndex(name).on('webhook_calls').columns(columns).execute()
  }
}

async function createAttempts(db: Kysely<unknown>): Promise<void> {
  const { text, integer, serial, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('webhook_attempts')
    .addColumn('id', serial)
    .addColumn('call_id', text, (column) =>
      column.notNull().references('webhook_calls.id').onDelete('cascade'),
    )
    .addColumn('at_us', integer, (column) => column.notNull())
    .addColumn('duration_ms', integer, (column) => column.notNull())
    .addColumn('host', text, (column) => column.notNull())
    .addColumn('status', integer)
    .addColumn('error', text)
    .modifyEnd(tableEnd)
    .execute()
  await db.schema.createIndex('webhook_attempts_by_call').on('webhook_attempts').column('call_id').execute()
}
