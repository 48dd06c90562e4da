/** What the records of videos must do on every database and blob store; run by each combination's own test file. */

import { describe, expect, test } from 'vitest'
import { getVideo, insertVideo, nextCreatedUs } from '../../src/core/videos/index.ts'
import { describeDeletion } from './videos/deletion.ts'
import { describeEdits } from './videos/edits.ts'
import { describeLists } from './videos/lists.ts'
import { ACCOUNT, blank, openVideoStage, type VideosUnderTest } from './videos/stage.ts'
import { describeStates } from './videos/states.ts'
import { describeStorage } from './videos/storage.ts'
import { describeSweep } from './videos/sweep.ts'

/** An adapter passes all of it or none. */
export function describeVideos(name: string, make: () => Promise<VideosUnderTest>): void {
  describe(`videos: ${name}`, () => {
    const stage = openVideoStage(make)

    test('a video comes back as it was inserted', async () => {
      const video = await stage.create({
        creator: 'member-481',
        meta: { name: 'Hafenrundfahrt ⚓', season: 4, nested: { list: [1, null, true] } },
        allowedOrigins: ['example.com', '*.example.org'],
        requireSignedUrls: true,
        thumbnailTimestampPct: 0.25,
        displaySize: { width: 1920, height: 1080 },
        publicDetails: { title: 'Tour', logo: null },
        uploadExpiryUs: 5,
        maxDurationSeconds: 900,
        scheduledDeletionUs: 7,
      })
      expect(await getVideo(stage.deps.db, video.uid)).toEqual(video)
      expect(await getVideo(stage.deps.db, 'none')).toBeUndefined()
    })

    test('videos of one instant are created a microsecond apart', async () => {
      const created = await stage.inTrx(async (trx) => {
        const times: number[] = []
        for (let index = 0; index < 3; index++) {
          const createdUs = await nextCreatedUs(trx, stage.deps.clock, ACCOUNT)
          await insertVideo(trx, blank(stage.deps.clock.newUid(), createdUs))
          times.push(createdUs - stage.deps.clock.nowUs())
        }
        return times
      })
      expect(created).toEqual([0, 1, 2])
    })

    describeStates(stage)
    describeStorage(stage)
    describeLists(stage)
    describeEdits(stage)
    describeDeletion(stage)
    describeSweep(stage)
  })
}
