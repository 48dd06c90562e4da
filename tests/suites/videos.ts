/**
 * What the records of videos must do on every database and blob store; run by each combination's own test file.
 * Long because it is one suite: an adapter passes all of it or none.
 */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sourceBlob } from '../../src/core/blob-names.ts'
import {
  blankVideo,
  checkStorage,
  type DeleteDeps,
  deleteVideo,
  editVideo,
  failVideo,
  getVideo,
  insertVideo,
  type ListQuery,
  listEvents,
  listVideos,
  moveVideo,
  nextCreatedUs,
  recordBlob,
  recordProgress,
  setSourceFacts,
  storageUsage,
  sweep,
  sweepLeftovers,
  type Video,
  type VideoState,
} from '../../src/core/videos/index.ts'
import { PRIORITY } from '../../src/jobs/job.ts'
import type { Trx } from '../../src/tables.ts'
import { publish } from './blobs.ts'
import { patternBytes } from './pattern.ts'
import { seededRandom } from '../faults/seeded-random.ts'
import type { TestClock } from './test-clock.ts'

export type VideosUnderTest = DeleteDeps & {
  readonly clock: TestClock
  readonly remove: () => Promise<void>
}

const ACCOUNT = 'a'.repeat(32)
const DAY_MS = 86_400_000

export function describeVideos(name: string, make: () => Promise<VideosUnderTest>): void {
  describe(`videos: ${name}`, () => {
    let deps: VideosUnderTest
    beforeEach(async () => {
      deps = await make()
    })
    afterEach(() => deps.remove())

    const inTrx = <T>(work: (trx: Trx) => Promise<T>): Promise<T> => deps.db.transaction().execute(work)

    /** Creates a video, a millisecond after the one before. */
    const create = async (fields: Partial<Video> = {}): Promise<Video> => {
      deps.clock.advance(1)
      return inTrx(async (trx) => {
        const createdUs = await nextCreatedUs(trx, deps.clock, fields.accountId ?? ACCOUNT)
        const video = { ...blank(deps.clock.newUid(), createdUs), ...fields }
        await insertVideo(trx, video)
        return video
      })
    }
    const move = (video: Video, ...states: VideoState[]) =>
      inTrx(async (trx) => {
        let moved = video
        for (const state of states) moved = await moveVideo(trx, deps, video.uid, state)
        return moved
      })
    const get = async (uid: string): Promise<Video> => {
      const video = await getVideo(deps.db, uid)
      if (video === undefined) throw new Error(`no video ${uid}`)
      return video
    }
    const edit = (video: Video, changes: Parameters<typeof editVideo>[3]) =>
      editVideo({ ...deps, storageMinutes: null }, video.accountId, video.uid, changes)

    test('a video comes back as it was inserted', async () => {
      const video = await create({
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
      expect(await getVideo(deps.db, video.uid)).toEqual(video)
      expect(await getVideo(deps.db, 'none')).toBeUndefined()
    })

    test('videos of one instant are created a microsecond apart', async () => {
      const created = await inTrx(async (trx) => {
        const times: number[] = []
        for (let index = 0; index < 3; index++) {
          const createdUs = await nextCreatedUs(trx, deps.clock, ACCOUNT)
          await insertVideo(trx, blank(deps.clock.newUid(), createdUs))
          times.push(createdUs - deps.clock.nowUs())
        }
        return times
      })
      expect(created).toEqual([0, 1, 2])
    })

    describe('states', () => {
      test('an upload becomes ready, and what belongs to each state is set', async () => {
        const video = await create()
        const queued = await move(video, 'queued')
        expect(queued).toMatchObject({ state: 'queued', uploadedUs: deps.clock.nowUs(), pctComplete: null })
        expect(await move(video, 'inprogress')).toMatchObject({ step: 'encoding', pctComplete: 0 })
        await recordProgress(deps.db, video.uid, 41)
        await recordProgress(deps.db, video.uid, 39)
        deps.clock.advance(1_000)
        const ready = await move(video, 'ready')
        expect(ready).toMatchObject({ step: null, pctComplete: 41, readyUs: deps.clock.nowUs() })
        expect(await get(video.uid)).toEqual(ready)
        expect((await listEvents(deps.db, video.uid)).map((event) => event.kind)).toEqual([
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
          const moving = inTrx((trx) => moveVideo(trx, deps, video.uid, to))
          if (allowed.has(`${from} ${to}`)) expect(await moving).toMatchObject({ state: to })
          else await expect(moving).rejects.toMatchObject({ code: 'conflict' })
        }
      })

      test('a failure has its reason; a second one, or one of a video that plays, only leaves an event', async () => {
        const video = await create({ state: 'inprogress', step: 'encoding', pctComplete: 10 })
        const fail = (uid: string, found: string) =>
          inTrx((trx) => failVideo(trx, deps, uid, { reasonCode: 'ERR_NON_VIDEO', detail: { found } }))
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
        expect((await listEvents(deps.db, playing.uid)).at(-1)).toMatchObject({
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

    describe('storage', () => {
      const usage = (creator?: string, storageMinutes: number | null = null) =>
        storageUsage(deps.db, { accountId: ACCOUNT, creator, nowUs: deps.clock.nowUs(), storageMinutes })
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
        await deleteVideo(deps, ACCOUNT, one.uid)
        await deleteVideo(deps, ACCOUNT, two.uid)
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
            await deleteVideo(deps, ACCOUNT, video.uid)
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
        const soonUs = deps.clock.nowUs() + 5_000_000
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
        await deleteVideo(deps, ACCOUNT, deleted.uid)
        expect(await reserved()).toBe(34_000)
        deps.clock.advance(6_000)
        expect(await reserved()).toBe(30_000)
      })

      test('promises ten hours to a one-time upload without a figure, where there is an allocation', async () => {
        await insertUpload(deps, await create(), { draftId: null })
        await insertUpload(deps, await create(), { draftId: null, direct: 1 })
        expect((await usage()).reservedSeconds).toBe(0)
        expect((await usage(undefined, 601)).reservedSeconds).toBe(36_000)
      })

      test('is exhausted by what exceeds the allocation, not by what fills it', async () => {
        await create({ state: 'ready', durationSeconds: 240 })
        await create({ maxDurationSeconds: 300 })
        const ask = (addSeconds: number) =>
          checkStorage(deps.db, {
            accountId: ACCOUNT,
            nowUs: deps.clock.nowUs(),
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

    describe('lists', () => {
      let videos: Video[]
      beforeEach(async () => {
        videos = []
        const fields: Partial<Video>[] = [
          { meta: { name: 'Harbour tour' }, creator: 'ann', state: 'ready' },
          { meta: { name: 'harbour 100%_x' }, creator: 'ann', state: 'error' },
          { meta: { name: 'ÄPFEL und Birnen' }, state: 'ready', liveInput: 'live1' },
          { meta: { name: 7 }, creator: 'bob', state: 'queued' },
          { meta: {}, state: 'pendingupload' },
          { meta: { name: 'Harbour tour' }, creator: 'bob', state: 'live-inprogress', liveInput: 'live2' },
        ]
        for (const one of fields) videos.push(await create(one))
        await create({ accountId: 'b'.repeat(32), meta: { name: 'Harbour tour' }, state: 'ready' })
      })
      const list = async (query: Partial<ListQuery>) => {
        const found = await listVideos(deps.db, ACCOUNT, {
          ascending: false,
          limit: 1_000,
          withTotal: true,
          ...query,
        })
        const indexes = found.videos.map((video) => videos.findIndex((known) => known.uid === video.uid))
        return { indexes, total: found.total }
      }
      const uid = (index: number) => videos[index]?.uid ?? ''
      const created = (index: number) => videos[index]?.createdUs ?? 0

      test.each<[string, () => Partial<ListQuery>, number[]]>([
        ['nothing', () => ({}), [5, 4, 3, 2, 1, 0]],
        ['a state', () => ({ states: ['ready'] }), [2, 0]],
        ['several states', () => ({ states: ['ready', 'error', 'ready'] }), [2, 1, 0]],
        ['live videos', () => ({ type: 'live' }), [5, 2]],
        ['videos on demand', () => ({ type: 'vod' }), [4, 3, 1, 0]],
        ['a creator', () => ({ creator: 'ann' }), [1, 0]],
        ['a name', () => ({ videoName: 'Harbour tour' }), [5, 0]],
        ['a name in another case', () => ({ videoName: 'harbour tour' }), []],
        ['part of a name in any case', () => ({ search: 'HARBOUR' }), [5, 1, 0]],
        ['part of a name beyond ASCII', () => ({ search: 'äpfel' }), [2]],
        ['wildcards literally', () => ({ search: '%_' }), [1]],
        ['a wildcard alone', () => ({ search: '_' }), [1]],
        ['one letter', () => ({ search: 'X' }), [1]],
        ['two letters, the end of a name', () => ({ search: 'en' }), [2]],
        ['two letters beyond ASCII', () => ({ search: 'äP' }), [2]],
        ['a word in the middle with its spaces', () => ({ search: ' und ' }), [2]],
        ['the runs of a name in another order', () => ({ search: 'tour harbour' }), []],
        ['what a query language would read otherwise', () => ({ search: '" OR harbour*' }), []],
        ['a search from a start', () => ({ search: 'harbour', startUs: created(1) }), [5, 1]],
        ['a search to an end', () => ({ search: 'harbour', endUs: created(5) }), [1, 0]],
        ['a search oldest first', () => ({ search: 'harbour', ascending: true }), [0, 1, 5]],
        ['a search of states', () => ({ search: 'harbour', states: ['ready', 'error'] }), [1, 0]],
        ['a search of live videos', () => ({ search: 'harbour', type: 'live' }), [5]],
        ['a search among ids', () => ({ search: 'harbour', ids: [uid(0), uid(3)] }), [0]],
        ['names and uids', () => ({ names: ['Harbour tour', uid(3), 'none'] }), [5, 3, 0]],
        ['ids', () => ({ ids: [uid(1), uid(4), 'none'] }), [4, 1]],
        ['a live input', () => ({ liveInput: 'live2' }), [5]],
        ['a start, itself included', () => ({ startUs: created(3) }), [5, 4, 3]],
        ['an end, itself excluded', () => ({ endUs: created(3) }), [2, 1, 0]],
        [
          'a window, oldest first',
          () => ({ startUs: created(1), endUs: created(4), ascending: true }),
          [1, 2, 3],
        ],
        [
          'everything at once',
          () => ({ states: ['ready', 'queued'], names: ['Harbour tour', uid(3)], type: 'vod' }),
          [3, 0],
        ],
        ['a search of a creator', () => ({ search: 'tour', creator: 'bob' }), [5]],
      ])('can be narrowed to %s', async (_, query, expected) => {
        expect(await list(query())).toEqual({ indexes: expected, total: expected.length })
      })

      test('end at the limit, and tell how many there are', async () => {
        expect(await list({ limit: 2 })).toEqual({ indexes: [5, 4], total: 6 })
        expect(await list({ limit: 2, search: 'harbour' })).toEqual({ indexes: [5, 1], total: 3 })
        expect(await list({ limit: 1, states: ['ready', 'error'], ascending: true })).toEqual({
          indexes: [0],
          total: 3,
        })
        expect((await list({ withTotal: false })).total).toBeUndefined()
      })

      test('are searched by the names that videos have now', async () => {
        const search = async (text: string) => (await list({ search: text })).indexes
        await edit(videos[0] ?? blank('', 0), { meta: { name: 'Kitchen' } })
        await edit(videos[4] ?? blank('', 0), { meta: { name: 'kitchen garden' } })
        await edit(videos[5] ?? blank('', 0), { meta: {} })
        expect(await search('HARBOUR')).toEqual([1])
        expect(await search('kitchen')).toEqual([4, 0])
        await deleteVideo(deps, ACCOUNT, uid(4))
        expect(await search('kitchen')).toEqual([0])
      })

      test('are searched in names of any length and of any characters', async () => {
        const long = `${'x'.repeat(20_000)} needle`
        videos.push(await create({ meta: { name: long } }))
        videos.push(await create({ meta: { name: 'a 🦉 flies' } }))
        const search = async (text: string) => (await list({ search: text })).indexes
        expect(await search('xx NEEDLE')).toEqual([6])
        expect(await search('🦉')).toEqual([7])
        expect(await search('🦉 fl')).toEqual([7])
        expect(await search('\0')).toEqual([])
      })

      test('are walked through by the last one created', async () => {
        const seen: number[] = []
        for (let endUs: number | undefined; ; ) {
          const { indexes } = await list({ limit: 2, endUs })
          if (indexes.length === 0) break
          seen.push(...indexes)
          endUs = created(indexes.at(-1) ?? 0)
        }
        expect(seen).toEqual([5, 4, 3, 2, 1, 0])
      })
    })

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
        expect((await listEvents(deps.db, video.uid)).at(-1)).toMatchObject({
          kind: 'edited',
          detail: { fields: ['creator', 'scheduledDeletionUs', 'publicDetails'] },
        })
      })

      test('of nothing change nothing', async () => {
        const video = await create()
        expect(await edit(video, {})).toEqual(video)
        expect(await listEvents(deps.db, video.uid)).toHaveLength(1)
      })

      test('of different fields at once both win', async () => {
        const video = await create()
        await Promise.all([edit(video, { creator: 'c' }), edit(video, { requireSignedUrls: true })])
        expect(await get(video.uid)).toMatchObject({ creator: 'c', requireSignedUrls: true })
      })

      test('of another account find nothing', async () => {
        const video = await create()
        const editing = editVideo({ ...deps, storageMinutes: null }, 'b'.repeat(32), video.uid, {
          creator: 'thief',
        })
        await expect(editing).rejects.toMatchObject({ code: 'not_found' })
      })

      test('of the upload are possible only while it is pending, and reach it', async () => {
        const video = await create()
        await insertUpload(deps, video, { draftId: null })
        const expiryUs = deps.clock.nowUs() + 1_000_000
        await edit(video, { uploadExpiryUs: expiryUs })
        const upload = await deps.db.selectFrom('uploads').select('expires_us').executeTakeFirst()
        expect(upload?.expires_us).toBe(expiryUs)
        await move(video, 'queued')
        for (const late of [{ maxDurationSeconds: 5 }, { uploadExpiryUs: expiryUs }]) {
          await expect(edit(video, late)).rejects.toMatchObject({ code: 'conflict' })
        }
      })
    })

    describe('deletion', () => {
      test('removes rows, blobs, jobs and the running upload with its draft', async () => {
        const video = await create()
        const other = await create()
        const source = await publish(deps.blobs, sourceBlob(video.uid), patternBytes(0, 10))
        await publish(deps.blobs, `tracks/${video.uid}/r/0-1.mp4`, patternBytes(0, 10))
        const others = await publish(deps.blobs, sourceBlob(other.uid), patternBytes(0, 10))
        const draft = await deps.blobs.createDraft()
        await draft.close()
        await insertUpload(deps, video, { draftId: draft.id })
        await inTrx(async (trx) => {
          await recordBlob(trx, deps.clock, video.uid, source)
          await recordBlob(trx, deps.clock, other.uid, others)
          await deps.jobs.enqueue(trx, {
            kind: 'ingest',
            dedupe: 'x',
            payload: {},
            videoUid: video.uid,
            priority: PRIORITY.rest,
          })
        })

        await deleteVideo(deps, ACCOUNT, video.uid)
        await expect(deleteVideo(deps, ACCOUNT, video.uid)).rejects.toMatchObject({ code: 'not_found' })
        expect(await getVideo(deps.db, video.uid)).toBeUndefined()
        expect((await Array.fromAsync(deps.blobs.list(''))).map((blob) => blob.name)).toEqual([others.name])
        expect(await Array.fromAsync(deps.blobs.listDrafts())).toEqual([])
        expect(await deps.db.selectFrom('blobs').select('name').execute()).toEqual([{ name: others.name }])
        expect(await deps.db.selectFrom('jobs').selectAll().execute()).toEqual([])
        expect(await listEvents(deps.db, video.uid)).toEqual([])
        expect(await deps.db.selectFrom('uploads').selectAll().execute()).toEqual([])
      })

      test('refuses a running broadcast and a stranger', async () => {
        const live = await create({ state: 'live-inprogress', liveInput: 'l' })
        await expect(deleteVideo(deps, ACCOUNT, live.uid)).rejects.toMatchObject({ code: 'video_is_live' })
        const video = await create()
        await expect(deleteVideo(deps, 'b'.repeat(32), video.uid)).rejects.toMatchObject({
          code: 'not_found',
        })
        expect(await getVideo(deps.db, video.uid)).toBeDefined()
      })
    })

    describe('the sweep', () => {
      test('deletes what is due, and nothing else', async () => {
        const nowUs = deps.clock.nowUs()
        const due = await create({ state: 'ready', scheduledDeletionUs: nowUs + 5_000_000 })
        const expired = await create({ uploadExpiryUs: nowUs + 5_000_000 })
        const both = await create({
          uploadExpiryUs: nowUs + 5_000_000,
          scheduledDeletionUs: nowUs + 5_000_000 + DAY_MS * 1_000,
        })
        const arrived = await create({ state: 'ready', uploadExpiryUs: nowUs + 5_000_000 })
        expect(await sweep(deps)).toEqual({ videos: 0 })
        deps.clock.advance(6_000)
        expect(await sweep(deps)).toEqual({ videos: 1 })
        expect(await getVideo(deps.db, due.uid)).toBeUndefined()
        expect(await getVideo(deps.db, expired.uid)).toBeDefined()
        deps.clock.advance(DAY_MS)
        expect(await sweep(deps)).toEqual({ videos: 2 })
        expect(await getVideo(deps.db, both.uid)).toBeUndefined()
        expect(await getVideo(deps.db, arrived.uid)).toBeDefined()
      })

      test('forgets old upload addresses', async () => {
        const video = await create()
        await insertUpload(deps, video, { draftId: null })
        await deps.db.updateTable('uploads').set({ state: 'terminated' }).execute()
        await deleteVideo(deps, ACCOUNT, video.uid)
        await sweep(deps)
        expect(await deps.db.selectFrom('uploads').selectAll().execute()).toHaveLength(1)
        deps.clock.advance(3 * DAY_MS)
        await sweep(deps)
        expect(await deps.db.selectFrom('uploads').selectAll().execute()).toHaveLength(0)
      })

      test('removes old drafts and blobs that no row names', async () => {
        const video = await create()
        const named = await publish(deps.blobs, sourceBlob(video.uid), patternBytes(0, 10))
        await inTrx((trx) => recordBlob(trx, deps.clock, video.uid, named))
        for (let index = 0; index < 3; index++) {
          await publish(deps.blobs, `tracks/${video.uid}/r/${index}.mp4`, patternBytes(0, 10))
        }
        const lost = await deps.blobs.createDraft()
        await lost.close()
        const wanted = await deps.blobs.createDraft()
        await wanted.close()
        await insertUpload(deps, video, { draftId: wanted.id })

        // The store's own clock is the real one: nothing is old enough, then everything is.
        const realUs = Date.now() * 1_000
        const graceMs = (deps.clock.nowUs() - realUs) / 1_000
        expect(await sweepLeftovers(deps, { graceMs: graceMs + DAY_MS })).toEqual({ drafts: 0, blobs: 0 })
        expect(await sweepLeftovers(deps, { graceMs: graceMs - DAY_MS })).toEqual({ drafts: 1, blobs: 3 })
        expect((await Array.fromAsync(deps.blobs.list(''))).map((blob) => blob.name)).toEqual([named.name])
        expect((await Array.fromAsync(deps.blobs.listDrafts())).map((draft) => draft.id)).toEqual([wanted.id])
      })

      test('by a clock that was set ahead nothing is a leftover that is being written', async () => {
        const video = await create()
        const startedUs = Date.now() * 1_000
        await publish(deps.blobs, `tracks/${video.uid}/r/0.mp4`, patternBytes(0, 10))
        // A day ahead of the store's own clock, which is the real one.
        deps.clock.advance(startedUs / 1_000 - deps.clock.nowUs() / 1_000 + DAY_MS)
        const unmovedUs = startedUs - 1_000_000
        expect(await sweepLeftovers(deps, { graceMs: 0, unmovedUs })).toEqual({ drafts: 0, blobs: 0 })
        expect(await sweepLeftovers(deps, { graceMs: 0 })).toEqual({ drafts: 0, blobs: 1 })
      })

      test('leaves the draft of a copy, and sources of videos that wait for one', async () => {
        const copied = await create({ state: 'downloading' })
        const linked = await create()
        const arrived = await create({ state: 'queued' })
        const draft = await deps.blobs.createDraft()
        await draft.close()
        await insertCopy(deps, copied, { draftId: draft.id })
        const left = await Promise.all(
          [copied, linked, arrived].map(({ uid }) =>
            publish(deps.blobs, sourceBlob(uid), patternBytes(0, 10)),
          ),
        )
        // The store's own clock is the real one: everything is old enough.
        const graceMs = (deps.clock.nowUs() - Date.now() * 1_000) / 1_000 - DAY_MS
        expect(await sweepLeftovers(deps, { graceMs })).toEqual({ drafts: 0, blobs: 1 })
        const names = (await Array.fromAsync(deps.blobs.list(''))).map((blob) => blob.name)
        expect(names.sort()).toEqual(
          left
            .slice(0, 2)
            .map(({ name }) => name)
            .sort(),
        )
        await deleteVideo(deps, ACCOUNT, copied.uid)
        await deleteVideo(deps, ACCOUNT, linked.uid)
        expect(await Array.fromAsync(deps.blobs.listDrafts())).toEqual([])
        // Sources that no row names go with the next sweep, since nobody waits for them any more.
        expect(await sweepLeftovers(deps, { graceMs })).toEqual({ drafts: 0, blobs: 2 })
        expect(await deps.db.selectFrom('copies').selectAll().execute()).toEqual([])
      })
    })
  })
}

/** A video of which nothing is known yet. */
export function blank(uid: string, createdUs: number): Video {
  return blankVideo({ uid, accountId: ACCOUNT, createdUs })
}

async function insertUpload(
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
