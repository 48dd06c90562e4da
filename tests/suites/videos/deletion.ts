import { describe, expect, test } from 'vitest'
import { sourceBlob } from '../../../src/core/blob-names.ts'
import { deleteVideo, getVideo, listEvents, recordBlob } from '../../../src/core/videos/index.ts'
import { PRIORITY } from '../../../src/jobs/job.ts'
import { publish } from '../blobs.ts'
import { patternBytes } from '../pattern.ts'
import { ACCOUNT, insertUpload, type VideoStage } from './stage.ts'

/** What goes with a video. */
export function describeDeletion(stage: VideoStage): void {
  const { create, inTrx } = stage

  describe('deletion', () => {
    test('removes rows, blobs, jobs and the running upload with its draft', async () => {
      const video = await create()
      const other = await create()
      const source = await publish(stage.deps.blobs, sourceBlob(video.uid), patternBytes(0, 10))
      await publish(stage.deps.blobs, `tracks/${video.uid}/r/0-1.mp4`, patternBytes(0, 10))
      const others = await publish(stage.deps.blobs, sourceBlob(other.uid), patternBytes(0, 10))
      const draft = await stage.deps.blobs.createDraft()
      await draft.close()
      await insertUpload(stage.deps, video, { draftId: draft.id })
      await inTrx(async (trx) => {
        await recordBlob(trx, stage.deps.clock, video.uid, source)
        await recordBlob(trx, stage.deps.clock, other.uid, others)
        await stage.deps.jobs.enqueue(trx, {
          kind: 'ingest',
          dedupe: 'x',
          payload: {},
          videoUid: video.uid,
          priority: PRIORITY.rest,
        })
      })

      await deleteVideo(stage.deps, ACCOUNT, video.uid)
      await expect(deleteVideo(stage.deps, ACCOUNT, video.uid)).rejects.toMatchObject({ code: 'not_found' })
      expect(await getVideo(stage.deps.db, video.uid)).toBeUndefined()
      expect((await Array.fromAsync(stage.deps.blobs.list(''))).map((blob) => blob.name)).toEqual([
        others.name,
      ])
      expect(await Array.fromAsync(stage.deps.blobs.listDrafts())).toEqual([])
      expect(await stage.deps.db.selectFrom('blobs').select('name').execute()).toEqual([
        { name: others.name },
      ])
      expect(await stage.deps.db.selectFrom('jobs').selectAll().execute()).toEqual([])
      expect(await listEvents(stage.deps.db, video.uid)).toEqual([])
      expect(await stage.deps.db.selectFrom('uploads').selectAll().execute()).toEqual([])
    })

    test('refuses a running broadcast and a stranger', async () => {
      const live = await create({ state: 'live-inprogress', liveInput: 'l' })
      await expect(deleteVideo(stage.deps, ACCOUNT, live.uid)).rejects.toMatchObject({
        code: 'video_is_live',
      })
      const video = await create()
      await expect(deleteVideo(stage.deps, 'b'.repeat(32), video.uid)).rejects.toMatchObject({
        code: 'not_found',
      })
      expect(await getVideo(stage.deps.db, video.uid)).toBeDefined()
    })
  })
}
