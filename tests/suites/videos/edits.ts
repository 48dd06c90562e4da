import { describe, expect, test } from 'vitest'
import { editVideo, listEvents } from '../../../src/core/videos/index.ts'
import { DAY_MS, insertUpload, type VideoStage } from './stage.ts'

/** What an edit changes, refuses and leaves alone. */
export function describeEdits(stage: VideoStage): void {
  const { create, edit, get, move } = stage

  describe('edits', () => {
    test('change what is given and nothing else', async () => {
      const video = await create({ creator: 'c', meta: { name: 'old', kept: 1 } })
      const edited = await edit(video, {
        meta: { name: 'new' },
        allowedOrigins: ['https://Example.com'],
        requireSignedUrls: true,
        thumbnailTimestampPct: 0.5,
        scheduledDeletionUs: video.createdUs + 40 * DAY_MS * 1_000,
        maxDurationSeconds: 60,
        publicDetails: { title: 'Title', share_link: 'https://example.com/x' },
      })
      expect(edited).toMatchObject({
        creator: 'c',
        meta: { name: 'new' },
        allowedOrigins: ['example.com'],
        requireSignedUrls: true,
        thumbnailTimestampPct: 0.5,
        maxDurationSeconds: 60,
      })
      expect(edited.modifiedUs).toBeGreaterThan(video.modifiedUs)
      expect(await get(video.uid)).toEqual(edited)
      const cleared = await edit(video, {
        creator: '',
        scheduledDeletionUs: null,
        publicDetails: { title: null },
      })
      expect(cleared).toMatchObject({
        creator: null,
        scheduledDeletionUs: null,
        publicDetails: { title: null, share_link: 'https://example.com/x' },
      })
      expect((await listEvents(stage.deps.db, video.uid)).at(-1)).toMatchObject({
        kind: 'edited',
        detail: { fields: ['creator', 'scheduledDeletionUs', 'publicDetails'] },
      })
    })

    test('of nothing change nothing', async () => {
      const video = await create()
      expect(await edit(video, {})).toEqual(video)
      expect(await listEvents(stage.deps.db, video.uid)).toHaveLength(1)
    })

    test('of different fields at once both win', async () => {
      const video = await create()
      await Promise.all([edit(video, { creator: 'c' }), edit(video, { requireSignedUrls: true })])
      expect(await get(video.uid)).toMatchObject({ creator: 'c', requireSignedUrls: true })
    })

    test('of another account find nothing', async () => {
      const video = await create()
      const editing = editVideo({ ...stage.deps, storageMinutes: null }, 'b'.repeat(32), video.uid, {
        creator: 'thief',
      })
      await expect(editing).rejects.toMatchObject({ code: 'not_found' })
    })

    test('of the upload are possible only while it is pending, and reach it', async () => {
      const video = await create()
      await insertUpload(stage.deps, video, { draftId: null })
      const expiryUs = stage.deps.clock.nowUs() + 1_000_000
      await edit(video, { uploadExpiryUs: expiryUs })
      const upload = await stage.deps.db.selectFrom('uploads').select('expires_us').executeTakeFirst()
      expect(upload?.expires_us).toBe(expiryUs)
      await move(video, 'queued')
      for (const late of [{ maxDurationSeconds: 5 }, { uploadExpiryUs: expiryUs }]) {
        await expect(edit(video, late)).rejects.toMatchObject({ code: 'conflict' })
      }
    })
  })
}
