import { createJobTable } from '../../src/jobs/job-table.ts'
import { describeJobs } from './jobs.ts'
import { openTestDatabase } from './open-test-database.ts'
import { TestClock } from './test-clock.ts'

describeJobs('SQLite', async () => {
  const { db, remove } = await openTestDatabase()
  const clock = new TestClock()
  return { db, clock, remove, jobs: createJobTable({ db, clock }) }
})
