import { openFolderBlobs } from '../../src/adapters/folder/blobs.ts'
import { createJobTable } from '../../src/jobs/job-table.ts'
import { openTestDatabase } from './open-test-database.ts'
import { TestClock } from './test-clock.ts'
import { describeVideos } from './videos.ts'

describeVideos('SQLite and a folder', async () => {
  const { db, folder, remove } = await openTestDatabase()
  const clock = new TestClock()
  const blobs = await openFolderBlobs({ folder })
  return {
    db,
    clock,
    blobs,
    jobs: createJobTable({ db, clock }),
    async remove() {
      await blobs.close()
      await remove()
    },
  }
})
