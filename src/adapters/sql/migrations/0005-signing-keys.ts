/** Keys that playback tokens are signed with. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const signingKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text, integer, tableEnd } = columnTypes(db)
    await db.schema
      .createTable('signing_keys')
      .addColumn('id', text, (column) => column.primaryKey().notNull())
      .addColumn('account_id', text, (column) => column.notNull())
      .addColumn('public_pem', text, (column) => column.notNull())
      .addColumn('sealed_pem', text)
      .addColumn('created_us', integer, (column) => column.notNull())
      .modifyEnd(tableEnd)
      .execute()
    await db.schema
      .createIndex('signing_keys_by_account')
      .on('signing_keys')
      .columns(['account_id', 'created_us'])
      .execute()
  },
}
