/** Live inputs, their outputs, what became of their connections, and who is told of it; `src/tables.ts` says what the columns mean. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const liveInputs: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await createInputs(db)
    await createOutputs(db)
    await createStatuses(db)
    await createNotifications(db)
  },
}

async function createInputs(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('live_inputs')
    .addColumn('uid', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('enabled', integer, (column) => column.notNull())
    .addColumn('meta', text, (column) => column.notNull())
    .addColumn('default_creator', text)
    .addColumn('recording_mode', text, (column) => column.notNull())
    .addColumn('recording_timeout_seconds', integer)
    .addColumn('recording_require_signed_urls', integer, (column) => column.notNull())
    .addColumn('recording_allowed_origins', text)
    .addColumn('recording_hide_live_viewer_count', integer, (column) => column.notNull())
    .addColumn('delete_recording_after_days', integer)
    .addColumn('prefer_low_latency', integer, (column) => column.notNull())
    .addColumn('publish_secret', text, (column) => column.notNull())
    .addColumn('play_secret', text, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('modified_us', integer, (column) => column.notNull())
    .addColumn('keys_rotated_us', integer)
    .modifyEnd(tableEnd)
    .execute()
  await db.schema
    .createIndex('live_inputs_by_account')
    .on('live_inputs')
    .columns(['account_id', 'created_us', 'uid'])
    .execute()
}

async function createOutputs(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('live_outputs')
    .addColumn('uid', text, (column) => column.primaryKey().notNull())
    .addColumn('input_uid', text, (column) =>
      column.notNull().references('live_inputs.uid').onDelete('cascade'),
    )
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('stream_key', text, (column) => column.notNull())
    .addColumn('enabled', integer, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
  await db.schema
    .createIndex('live_outputs_by_input')
    .on('live_outputs')
    .columns(['input_uid', 'created_us', 'uid'])
    .execute()
}

/** No foreign key: inputs and outputs both have them, and take them along when they go. */
async function createStatuses(db: Kysely<unknown>): Promise<void> {
  const { text, integer, serial, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('live_statuses')
    .addColumn('id', serial)
    .addColumn('subject', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('reason', text, (column) => column.notNull())
    .addColumn('protocol', text, (column) => column.notNull())
    .addColumn('entered_us', integer, (column) => column.notNull())
    .addColumn('last_seen_us', integer)
    .modifyEnd(tableEnd)
    .execute()
  await db.schema
    .createIndex('live_statuses_by_subject')
    .on('live_statuses')
    .columns(['subject', 'id'])
    .execute()
}

async function createNotifications(db: Kysely<unknown>): Promise<void> {
  const { text, integer, tableEnd } = columnTypes(db)
  await db.schema
    .createTable('live_notifications')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull().unique())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('secret', text, (column) => column.notNull())
    .addColumn('inputs', text, (column) => column.notNull())
    .addColumn('created_us', integer, (column) => column.notNull())
    .addColumn('modified_us', integer, (column) => column.notNull())
    .modifyEnd(tableEnd)
    .execute()
}
