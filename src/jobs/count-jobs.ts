/** How much work there is, for whoever watches the server. */

import type { Db } from '../tables.ts'

/** Number of jobs by state: `queued`, `active`, `failed`; a state without jobs is 0. */
export async function countJobs(db: Db): Promise<Readonly<Record<string, number>>> {
  const rows = await db
    .selectFrom('jobs')
    .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
    .where('state', '!=', 'done')
    .groupBy('state')
    .execute()
  return { queued: 0, active: 0, failed: 0, ...Object.fromEntries(rows.map((row) => [row.state, row.count])) }
}
