/** What the tests of the records of videos work on: a database and a blob store of their own for each of them. */

import { afterEach, beforeEach } from 'vitest'
import {
  blankVideo,
  type DeleteDeps,
  editVideo,
  getVideo,
  insertVideo,
  moveVideo,
  nextCreatedUs,
  type Video,
  type VideoState,
} from '../../../src/core/videos/index.ts'
import type { Trx } from '../../../src/tables.ts'
import type { TestClock } from '../test-clock.ts'

export type VideosUnderTest = DeleteDeps & {
  readonly clock: TestClock
  readonly remove: () => Promise<void>
}

export const ACCOUNT = 'a'.repeat(32)
export const DAY_MS = 86_400_000

/** The stage of the tests around it. */
export type VideoStage = ReturnType<typeof openVideoStage>

/** To be called within a `describe`: every test of it gets what `make` makes. */
export function openVideoStage(make: () => Promise<VideosUnderTest>) {
  let deps: VideosUnderTest
  beforeEach(async () => {
    deps = await make()
  })
  afterEach(() => deps.remove())

  const inTrx = <T>(work: (trx: Trx) => Promise<T>): Promise<T> => deps.db.transaction().execute(work)
  return {
    get deps(): VideosUnderTest {
      return deps
    },
    inTrx,
    /** Creates a video, a millisecond after the one before. */
    create: async (fields: Partial<Video> = {}): Promise<Video> => {
      deps.clock.advance(1)
      return inTrx(async (trx) => {
        const createdUs = await nextCreatedUs(trx, deps.clock, fields.accountId ?? ACCOUNT)
        const video = { ...blank(deps.clock.newUid(), createdUs), ...fields }
        await insertVideo(trx, video)
        return video
      })
    },
    move: (video: Video, ...states: VideoState[]) =>
      inTrx(async (trx) => {
        let moved = video
        for (const state of states) moved = await moveVideo(trx, deps, video.uid, state)
        return moved
      }),
    get: async (uid: string): Promise<Video> => {
      const video = await getVideo(deps.db, uid)
      if (video === undefined) throw new Error(`no video ${uid}`)
      return video
    },
    edit: (video: Video, changes: Parameters<typeof editVideo>[3]) =>
      editVideo({ ...deps, storageMinutes: null }, video.accountId, video.uid, changes),
  }
}

/** A video of which nothing is known yet. */
export function blank(uid: string, createdUs: number): Video {
  return blankVideo({ uid, accountId: ACCOUNT, createdUs })
}

/** An upload of that video, of which nothing has come. */
export async function insertUpload(
  { db, clock }: VideosUnderTest,
  video: Video,
  { draftId, direct = 0 }: { draftId: string | null; direct?: 0 | 1 },
): Promise<void> {
  await db
    .insertInto('uploads')
    .values({
      id: clock.newUid(),
      account_id: video.accountId,
      video_uid: video.uid,
      direct,
      state: 'receiving',
      length_bytes: 100,
      offset_bytes: 0,
      draft_id: draftId,
      checksums: new Uint8Array(0),
      metadata: null,
      created_us: clock.nowUs(),
      expires_us: clock.nowUs() + DAY_MS * 1_000,
    })
    .execute()
}
