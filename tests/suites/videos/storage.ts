import { describe, expect, test } from 'vitest'
import {
  checkStorage,
  deleteVideo,
  setSourceFacts,
  storageUsage,
  type Video,
  type VideoState,
} from '../../../src/core/videos/index.ts'
import { seededRandom } from '../../faults/seeded-random.ts'
import { ACCOUNT, insertUpload, type VideoStage } from './stage.ts'

/** What is counted and promised of an account's storage. */
export function describeStorage(stage: VideoStage): void {
  const { create, edit, get, inTrx, move } = stage

  describe('storage', () => {
    const usage = (creator?: string, storageMinutes: number | null = null) =>
      storageUsage(stage.deps.db, {
        accountId: ACCOUNT,
        creator,
        nowUs: stage.deps.clock.nowUs(),
        storageMinutes,
      })
    const minutes = async (creator?: string) => (await usage(creator)).storedSeconds / 60
    const count = async (creator?: string) => (await usage(creator)).videoCount
    const NOTHING = { storedSeconds: 0, reservedSeconds: 0, allocatedMinutes: null, videoCount: 0 }

    test('counts durations, each rounded up to the second, and videos in all states', async () => {
      expect(await usage()).toEqual(NOTHING)
      const one = await create({ state: 'inprogress', creator: 'c' })
      const two = await create({ state: 'inprogress' })
      await create({ accountId: 'b'.repeat(32), state: 'ready', durationSeconds: 600 })
      await inTrx((trx) => setSourceFacts(trx, one.uid, { durationSeconds: 59.1, sizeBytes: 5 }))
      await inTrx((trx) => setSourceFacts(trx, two.uid, { durationSeconds: 30 }))
      expect(await get(one.uid)).toMatchObject({ durationSeconds: 59.1, sizeBytes: 5 })
      expect(await minutes()).toBe(1.5)
      expect(await minutes('c')).toBe(1)
      expect(await count()).toBe(2)
      expect(await count('none')).toBe(0)
    })

    test('follows the creator, lets failed videos go, and deleted ones', async () => {
      const one = await create({ state: 'inprogress', creator: 'c', durationSeconds: 60 })
      const two = await create({ state: 'ready', creator: 'c', durationSeconds: 60 })
      await edit(one, { creator: 'd' })
      expect([await minutes('c'), await minutes('d')]).toEqual([1, 1])
      await move(one, 'error')
      expect([await minutes('c'), await minutes('d'), await count('d')]).toEqual([1, 0, 1])
      await deleteVideo(stage.deps, ACCOUNT, one.uid)
      await deleteVideo(stage.deps, ACCOUNT, two.uid)
      expect(await usage()).toEqual(NOTHING)
    })

    test('is the sum of the videos, whatever was done to them', async () => {
      const random = seededRandom(7)
      const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
      const steps: Partial<Record<VideoState, VideoState[]>> = {
        pendingupload: ['queued', 'error'],
        queued: ['inprogress', 'error'],
        inprogress: ['ready', 'error'],
      }
      const alive: Video[] = []
      for (let step = 0; step < 150; step += 1) {
        const at = Math.floor(random() * alive.length)
        const video = alive[at]
        const kind = video === undefined ? 'create' : pick(['create', 'move', 'measure', 'edit', 'delete'])
        if (video === undefined || kind === 'create') {
          alive.push(await create({ creator: pick([null, 'ann', 'bob']) }))
        } else if (kind === 'move') {
          const next = steps[(await get(video.uid)).state]
          if (next !== undefined) await move(video, pick(next))
        } else if (kind === 'measure') {
          await inTrx((trx) => setSourceFacts(trx, video.uid, { durationSeconds: random() * 100 }))
        } else if (kind === 'edit') {
          await edit(video, { creator: pick([null, 'ann', 'bob']) })
        } else {
          await deleteVideo(stage.deps, ACCOUNT, video.uid)
          alive.splice(at, 1)
        }
      }
      const now = await Promise.all(alive.map(({ uid }) => get(uid)))
      for (const creator of [undefined, '', 'ann', 'bob']) {
        const own = now.filter((video) => creator === undefined || (video.creator ?? '') === creator)
        const counted = own.filter(({ state }) => state !== 'error')
        const seconds = counted.reduce((sum, video) => sum + Math.ceil(video.durationSeconds ?? 0), 0)
        expect(await usage(creator)).toMatchObject({ storedSeconds: seconds, videoCount: own.length })
      }
    })

    test('promises what is still to come, until its length is known, it fails, is deleted or expires', async () => {
      const soonUs = stage.deps.clock.nowUs() + 5_000_000
      const reserved = async (creator?: string) => (await usage(creator)).reservedSeconds
      const measured = await create({ state: 'inprogress', maxDurationSeconds: 1, creator: 'c' })
      const failed = await create({ state: 'downloading', maxDurationSeconds: 20 })
      const deleted = await create({ maxDurationSeconds: 300, creator: 'c' })
      await create({ maxDurationSeconds: 4_000, uploadExpiryUs: soonUs })
      // Of what has arrived the end of the upload's life says nothing.
      await create({ state: 'queued', maxDurationSeconds: 30_000, uploadExpiryUs: soonUs })
      await create({ state: 'ready', maxDurationSeconds: 7, durationSeconds: 5 })
      await create({ accountId: 'b'.repeat(32), maxDurationSeconds: 7 })
      expect([await reserved(), await reserved('c'), await reserved('')]).toEqual([34_321, 301, 34_020])
      await inTrx((trx) => setSourceFacts(trx, measured.uid, { durationSeconds: 1 }))
      expect([await reserved(), await reserved('c')]).toEqual([34_320, 300])
      await move(failed, 'error')
      expect(await reserved()).toBe(34_300)
      await deleteVideo(stage.deps, ACCOUNT, deleted.uid)
      expect(await reserved()).toBe(34_000)
      stage.deps.clock.advance(6_000)
      expect(await reserved()).toBe(30_000)
    })

    test('promises ten hours to a one-time upload without a figure, where there is an allocation', async () => {
      await insertUpload(stage.deps, await create(), { draftId: null })
      await insertUpload(stage.deps, await create(), { draftId: null, direct: 1 })
      expect((await usage()).reservedSeconds).toBe(0)
      expect((await usage(undefined, 601)).reservedSeconds).toBe(36_000)
    })

    test('is exhausted by what exceeds the allocation, not by what fills it', async () => {
      await create({ state: 'ready', durationSeconds: 240 })
      await create({ maxDurationSeconds: 300 })
      const ask = (addSeconds: number) =>
        checkStorage(stage.deps.db, {
          accountId: ACCOUNT,
          nowUs: stage.deps.clock.nowUs(),
          storageMinutes: 10,
          addSeconds,
        })
      await ask(60)
      await expect(ask(61)).rejects.toMatchObject({
        code: 'storage_exhausted',
        facts: { usedMinutes: 9, allocatedMinutes: 10 },
      })
    })
  })
}
