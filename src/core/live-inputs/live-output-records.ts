/** The queries of outputs. */

import type { Selectable } from 'kysely'
import { HeadwaterError } from '../../lib/failure.ts'
import type { Db, LiveOutputsTable, Trx } from '../../tables.ts'
import type { LiveOutput } from './live-output.ts'

/** Outputs of the input, oldest first. */
export async function listOutputs(db: Db, inputUid: string): Promise<readonly LiveOutput[]> {
  const rows = await db
    .selectFrom('live_outputs')
    .selectAll()
    .where('input_uid', '=', inputUid)
    .orderBy('created_us')
    .orderBy('uid')
    .execute()
  return rows.map(outputFromRow)
}

/** The output, or `undefined`. */
export async function findOutput(db: Db, uid: string): Promise<LiveOutput | undefined> {
  const row = await db.selectFrom('live_outputs').selectAll().where('uid', '=', uid).executeTakeFirst()
  return row && outputFromRow(row)
}

/** The output; throws `not_found` when the input has none of that uid. */
export async function requireOutput(db: Db, inputUid: string, uid: string): Promise<LiveOutput> {
  const output = await findOutput(db, uid)
  if (output?.inputUid === inputUid) return output
  throw new HeadwaterError('not_found', 'There is no such output; it may have been deleted.')
}

/** Adds it. */
export async function insertOutput(trx: Trx, output: LiveOutput): Promise<void> {
  await trx
    .insertInto('live_outputs')
    .values({
      uid: output.uid,
      input_uid: output.inputUid,
      url: output.url,
      stream_key: output.streamKey,
      enabled: Number(output.enabled),
      created_us: output.createdUs,
    })
    .execute()
}

/** Turns it on or off; nothing else of it can be changed (live.md §8). */
export async function updateOutput(trx: Trx, uid: string, enabled: boolean): Promise<void> {
  await trx
    .updateTable('live_outputs')
    .set({ enabled: Number(enabled) })
    .where('uid', '=', uid)
    .execute()
}

/** Removes it and its statuses. */
export async function deleteOutputRows(trx: Trx, uid: string): Promise<void> {
  await trx.deleteFrom('live_statuses').where('subject', '=', uid).execute()
  await trx.deleteFrom('live_outputs').where('uid', '=', uid).execute()
}

function outputFromRow(row: Selectable<LiveOutputsTable>): LiveOutput {
  return {
    uid: row.uid,
    inputUid: row.input_uid,
    url: row.url,
    streamKey: row.stream_key,
    enabled: row.enabled === 1,
    createdUs: row.created_us,
  }
}
