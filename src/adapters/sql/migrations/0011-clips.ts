/** Chunks that lie in another video's blobs. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const clips: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { integer } = columnTypes(db)
    const table = db.schema.alterTable('chunks')
    await table.addColumn('first_byte', integer, (column) => column.notNull().defaultTo(0)).execute()
    await table.addColumn('shift_ticks', integer, (column) => column.notNull().defaultTo(0)).execute()
    // Whether a blob is shared is asked by its name, for every blob of a video that is deleted.
    await db.schema.createIndex('chunks_by_blob').on('chunks').column('blob').execute()
    await db.schema.createIndex('renditions_by_init').on('renditions').column('init_blob').execute()
    await db.schema.createIndex('plans_by_media').on('plans').column('media_blob').execute()
    await db.schema.createIndex('plans_by_index').on('plans').column('index_blob').execute()
  },
}
