import { describe, expect, test } from 'vitest'
import {
  failVideo,
  listEvents,
  moveVideo,
  recordProgress,
  type VideoState,
} from '../../../src/core/videos/index.ts'
import type { VideoStage } from './stage.ts'

/** Which moves a video may make, and what each leaves behind. */
export function describeStates(stage: VideoStage): void {
  const { create, get, inTrx, move } = stage

  describe('states', () => {
    test('an upload becomes ready, and what belongs to each state is set', async () => {
      const video = await create()
      const queued = await move(video, 'queued')
      expect(queued).toMatchObject({
        state: 'queued',
        uploadedUs: stage.deps.clock.nowUs(),
        pctComplete: null,
      })
      expect(await move(video, 'inprogress')).toMatchObject({ step: 'encoding', pctComplete: 0 })
      await recordProgress(stage.deps.db, video.uid, 41)
      await recordProgress(stage.deps.db, video.uid, 39)
      stage.deps.clock.advance(1_000)
      const ready = await move(video, 'ready')
      expect(ready).toMatchObject({ step: null, pctComplete: 41, readyUs: stage.deps.clock.nowUs() })
      expect(await get(video.uid)).toEqual(ready)
      expect((await listEvents(stage.deps.db, video.uid)).map((event) => event.kind)).toEqual([
        'created',
        'queued',
        'inprogress',
        'ready',
      ])
    })

    const states: VideoState[] = [
      'pendingupload',
      'downloading',
      'queued',
      'inprogress',
      'ready',
      'error',
      'live-inprogress',
    ]
    const allowed = new Set([
      'pendingupload queued',
      'downloading queued',
      'queued inprogress',
      'inprogress ready',
      'live-inprogress ready',
      'live-inprogress queued',
      'live-inprogress inprogress',
      // A broadcast of which the disk took nothing.
      'live-inprogress error',
      'pendingupload error',
      'downloading error',
      'queued error',
      'inprogress error',
    ])
    test.each(states)('from %s only the documented moves are allowed', async (from) => {
      for (const to of states) {
        const video = await create({ state: from })
        const moving = inTrx((trx) => moveVideo(trx, stage.deps, video.uid, to))
        if (allowed.has(`${from} ${to}`)) expect(await moving).toMatchObject({ state: to })
        else await expect(moving).rejects.toMatchObject({ code: 'conflict' })
      }
    })

    test('a failure has its reason; a second one, or one of a video that plays, only leaves an event', async () => {
      const video = await create({ state: 'inprogress', step: 'encoding', pctComplete: 10 })
      const fail = (uid: string, found: string) =>
        inTrx((trx) => failVideo(trx, stage.deps, uid, { reasonCode: 'ERR_NON_VIDEO', detail: { found } }))
      expect(await fail(video.uid, 'a PDF')).toMatchObject({
        state: 'error',
        step: 'encoding',
        error: {
          reasonCode: 'ERR_NON_VIDEO',
          reasonText: 'The file was not recognized as a valid video file.',
          detail: { found: 'a PDF' },
        },
      })
      expect((await fail(video.uid, 'again')).error?.detail).toEqual({ found: 'a PDF' })
      const playing = await create({ state: 'ready' })
      expect(await fail(playing.uid, 'a rung')).toMatchObject({ state: 'ready', error: null })
      expect((await listEvents(stage.deps.db, playing.uid)).at(-1)).toMatchObject({
        kind: 'failure',
        detail: { found: 'a rung' },
      })
    })

    test('modified always moves forward', async () => {
      const video = await create()
      const queued = await move(video, 'queued')
      const inProgress = await move(video, 'inprogress')
      expect(queued.modifiedUs).toBeGreaterThan(video.modifiedUs)
      expect(inProgress.modifiedUs).toBeGreaterThan(queued.modifiedUs)
    })
  })
}
