/** A database in a folder of its own. */

import { join } from 'node:path'
import { openDatabase } from '../../src/adapters/sql/open-database.ts'
import type { Db } from '../../src/tables.ts'
import { tempFolder } from './temp-folder.ts'

export type TestDatabase = {
  readonly db: Db
  readonly file: string
  /** The folder, for whatever else a test keeps beside the database. */
  readonly folder: string
  /** Closes the database and removes the folder. */
  readonly remove: () => Promise<void>
}

/** Opens a fresh SQLite database. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const folder = await tempFolder()
  const file = join(folder.path, 'headwater.sqlite')
  const { db, close } = await openDatabase({ file })
  return {
    db,
    file,
    folder: folder.path,
    async remove() {
      await close()
      await folder.remove()
    },
  }
}
