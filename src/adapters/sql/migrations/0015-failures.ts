/** Why a track or captions could not be made, as it is kept of a video: code, stage, place, the decoder's words. */

import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { columnTypes } from './column-types.ts'

export const failures: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { text } = columnTypes(db)
    for (const table of ['audio_tracks', 'captions']) {
      await db.schema.alterTable(table).addColumn('failure', text).execute()
    }
  },
}
