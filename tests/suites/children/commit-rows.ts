/** Commits one row after another and prints each once it is acknowledged; to be killed. */

import { systemClock } from '../../../src/adapters/system/clock.ts'
import { openDatabase } from '../../../src/adapters/sql/open-database.ts'
import { createJobTable } from '../../../src/jobs/job-table.ts'
import { PRIORITY } from '../../../src/jobs/job.ts'

const [file = ''] = process.argv.slice(2)
const { db } = await openDatabase({ file })
const jobs = createJobTable({ db, clock: systemClock() })
for (let index = 0; ; index++) {
  await db.transaction().execute(async (trx) => {
    // Two rows, so that half a transaction would be seen.
    for (const half of ['a', 'b']) {
      const dedupe = `${process.pid}/${index}/${half}`
      await jobs.enqueue(trx, { kind: 'test', dedupe, payload: { index }, priority: PRIORITY.rest })
    }
  })
  console.log(`${process.pid}/${index}`)
}
