import { describe, expect, test } from 'vitest'
import { sourceBlob } from '../../../src/core/blob-names.ts'
import {
  deleteVideo,
  getVideo,
  recordBlob,
  sweep,
  sweepLeftovers,
  type Video,
} from '../../../src/core/videos/index.ts'
import { publish } from '../blobs.ts'
import { patternBytes } from '../pattern.ts'
import { ACCOUNT, DAY_MS, insertUpload, type VideoStage, type VideosUnderTest } from './stage.ts'

/** What the sweep deletes, and what it leaves alone. */
export function describeSweep(stage: VideoStage): void {
  const { create, inTrx } = stage

  describe('the sweep', () => {
    test('deletes what is due, and nothing else', async () => {
      const nowUs = stage.deps.clock.nowUs()
      const due = await create({ state: 'ready', scheduledDeletionUs: nowUs + 5_000_000 })
      const expired = await create({ uploadExpiryUs: nowUs + 5_000_000 })
      const both = await create({
        uploadExpiryUs: nowUs + 5_000_000,
        scheduledDeletionUs: nowUs + 5_000_000 + DAY_MS * 1_000,
      })
      const arrived = await create({ state: 'ready', uploadExpiryUs: nowUs + 5_000_000 })
      expect(await sweep(stage.deps)).toEqual({ videos: 0 })
      stage.deps.clock.advance(6_000)
      expect(await sweep(stage.deps)).toEqual({ videos: 1 })
      expect(await getVideo(stage.deps.db, due.uid)).toBeUndefined()
      expect(await getVideo(stage.deps.db, expired.uid)).toBeDefined()
      stage.deps.clock.advance(DAY_MS)
      expect(await sweep(stage.deps)).toEqual({ videos: 2 })
      expect(await getVideo(stage.deps.db, both.uid)).toBeUndefined()
      expect(await getVideo(stage.deps.db, arrived.uid)).toBeDefined()
    })

    test('forgets old upload addresses', async () => {
      const video = await create()
      await insertUpload(stage.deps, video, { draftId: null })
      await stage.deps.db.updateTable('uploads').set({ state: 'terminated' }).execute()
      await deleteVideo(stage.deps, ACCOUNT, video.uid)
      await sweep(stage.deps)
      expect(await stage.deps.db.selectFrom('uploads').selectAll().execute()).toHaveLength(1)
      stage.deps.clock.advance(3 * DAY_MS)
      await sweep(stage.deps)
      expect(await stage.deps.db.selectFrom('uploads').selectAll().execute()).toHaveLength(0)
    })

    test('removes old drafts and blobs that no row names', async () => {
      const video = await create()
      const named = await publish(stage.deps.blobs, sourceBlob(video.uid), patternBytes(0, 10))
      await inTrx((trx) => recordBlob(trx, stage.deps.clock, video.uid, named))
      for (let index = 0; index < 3; index++) {
        await publish(stage.deps.blobs, `tracks/${video.uid}/r/${index}.mp4`, patternBytes(0, 10))
      }
      const lost = await stage.deps.blobs.createDraft()
      await lost.close()
      const wanted = await stage.deps.blobs.createDraft()
      await wanted.close()
      await insertUpload(stage.deps, video, { draftId: wanted.id })

      // The store's own clock is the real one: nothing is old enough, then everything is.
      const realUs = Date.now() * 1_000
      const graceMs = (stage.deps.clock.nowUs() - realUs) / 1_000
      expect(await sweepLeftovers(stage.deps, { graceMs: graceMs + DAY_MS })).toEqual({ drafts: 0, blobs: 0 })
      expect(await sweepLeftovers(stage.deps, { graceMs: graceMs - DAY_MS })).toEqual({ drafts: 1, blobs: 3 })
      expect((await Array.fromAsync(stage.deps.blobs.list(''))).map((blob) => blob.name)).toEqual([
        named.name,
      ])
      expect((await Array.fromAsync(stage.deps.blobs.listDrafts())).map((draft) => draft.id)).toEqual([
        wanted.id,
      ])
    })

    test('by a clock that was set ahead nothing is a leftover that is being written', async () => {
      const video = await create()
      const startedUs = Date.now() * 1_000
      await publish(stage.deps.blobs, `tracks/${video.uid}/r/0.mp4`, patternBytes(0, 10))
      // A day ahead of the store's own clock, which is the real one.
      stage.deps.clock.advance(startedUs / 1_000 - stage.deps.clock.nowUs() / 1_000 + DAY_MS)
      const unmovedUs = startedUs - 1_000_000
      expect(await sweepLeftovers(stage.deps, { graceMs: 0, unmovedUs })).toEqual({ drafts: 0, blobs: 0 })
      expect(await sweepLeftovers(stage.deps, { graceMs: 0 })).toEqual({ drafts: 0, blobs: 1 })
    })

    test('leaves the draft of a copy, and sources of videos that wait for one', async () => {
      const copied = await create({ state: 'downloading' })
      const linked = await create()
      const arrived = await create({ state: 'queued' })
      const draft = await stage.deps.blobs.createDraft()
      await draft.close()
      await insertCopy(stage.deps, copied, { draftId: draft.id })
      const left = await Promise.all(
        [copied, linked, arrived].map(({ uid }) =>
          publish(stage.deps.blobs, sourceBlob(uid), patternBytes(0, 10)),
        ),
      )
      // The store's own clock is the real one: everything is old enough.
      const graceMs = (stage.deps.clock.nowUs() - Date.now() * 1_000) / 1_000 - DAY_MS
      expect(await sweepLeftovers(stage.deps, { graceMs })).toEqual({ drafts: 0, blobs: 1 })
      const names = (await Array.fromAsync(stage.deps.blobs.list(''))).map((blob) => blob.name)
      expect(names.sort()).toEqual(
        left
          .slice(0, 2)
          .map(({ name }) => name)
          .sort(),
      )
      await deleteVideo(stage.deps, ACCOUNT, copied.uid)
      await deleteVideo(stage.deps, ACCOUNT, linked.uid)
      expect(await Array.fromAsync(stage.deps.blobs.listDrafts())).toEqual([])
      // Sources that no row names go with the next sweep, since nobody waits for them any more.
      expect(await sweepLeftovers(stage.deps, { graceMs })).toEqual({ drafts: 0, blobs: 2 })
      expect(await stage.deps.db.selectFrom('copies').selectAll().execute()).toEqual([])
    })
  })
}

async function insertCopy(
  { db }: VideosUnderTest,
  video: Video,
  { draftId }: { draftId: string },
): Promise<void> {
  await db
    .insertInto('copies')
    .values({
      video_uid: video.uid,
      url: 'https://example.com/film.mp4',
      validator: null,
      length_bytes: 100,
      offset_bytes: 0,
      draft_id: draftId,
      checksums: new Uint8Array(0),
    })
    .execute()
}
