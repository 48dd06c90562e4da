import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLiveInput, deleteLiveInput, LiveInputChanges } from '../../src/core/live-inputs/index.ts'
import { Lifecycles, type RunningBroadcast } from '../../src/core/playback/index.ts'
import { blankVideo, insertVideo } from '../../src/core/videos/index.ts'
import { createJobTable } from '../../src/jobs/job-table.ts'
import { openTestDatabase, type TestDatabase } from './open-test-database.ts'
import { TestClock } from './test-clock.ts'

const ACCOUNT = 'a'.repeat(32)

let database: TestDatabase
let clock: TestClock
let running: RunningBroadcast | undefined
let lifecycles: Lifecycles

beforeEach(async () => {
  database = await openTestDatabase()
  clock = new TestClock()
  running = undefined
  const broadcasts = {
    findBroadcast: (uid: string) =>
      running !== undefined && [running.inputUid, running.videoUid].includes(uid) ? running : undefined,
    countViewers: () => 17,
  }
  lifecycles = new Lifecycles({ db: database.db, clock, broadcasts })
})
afterEach(() => database.remove())

const deps = () => ({
  db: database.db,
  clock,
  jobs: createJobTable({ db: database.db, clock }),
  liveInputChanges: new LiveInputChanges(),
})
const input = (hideLiveViewerCount = false) =>
  createLiveInput(deps(), ACCOUNT, { recording: { hideLiveViewerCount } })

async function video(liveInput: string | null): Promise<string> {
  clock.advance(1)
  const made = blankVideo({ uid: clock.newUid(), accountId: ACCOUNT, createdUs: clock.nowUs() })
  await database.db.transaction().execute((trx) => insertVideo(trx, { ...made, liveInput }))
  return made.uid
}

describe('the lifecycle', () => {
  test('of an input that is idle, live and left alone', async () => {
    const { uid } = await input()
    const idle = { isInput: true, videoUID: null, live: false, status: 'disconnected' }
    expect(await lifecycles.describe(uid)).toEqual(idle)
    const videoUid = await video(uid)
    running = { inputUid: uid, videoUid, protocol: 'rtmp', status: 'connected' }
    expect(await lifecycles.describe(uid)).toEqual({
      isInput: true,
      videoUID: videoUid,
      live: true,
      status: 'connected',
    })
    running = { ...running, status: 'reconnecting' }
    expect(await lifecycles.describe(uid)).toMatchObject({ live: true, status: 'reconnecting' })
    running = { ...running, videoUid: null }
    expect(await lifecycles.describe(uid)).toMatchObject({ live: true, videoUID: null })
    running = undefined
    expect(await lifecycles.describe(uid)).toEqual(idle)
  })

  test('of a video, whether it is being broadcast or not', async () => {
    const { uid } = await input()
    const [recorded, plain] = [await video(uid), await video(null)]
    running = { inputUid: uid, videoUid: recorded, protocol: 'rtmp', status: 'connected' }
    const of = (videoUID: string, live: boolean, status: string) => ({
      isInput: false,
      videoUID,
      live,
      status,
    })
    expect(await lifecycles.describe(recorded)).toEqual(of(recorded, true, 'connected'))
    expect(await lifecycles.describe(plain)).toEqual(of(plain, false, 'disconnected'))
    running = undefined
    expect(await lifecycles.describe(recorded)).toEqual(of(recorded, false, 'disconnected'))
  })

  test('of a video whose record is about to be written is that of its broadcast', async () => {
    const { uid } = await input()
    const videoUid = clock.newUid()
    running = { inputUid: uid, videoUid, protocol: 'rtmp', status: 'connected' }
    const told = { isInput: false, videoUID: videoUid, live: true, status: 'connected' }
    expect(await lifecycles.describe(videoUid)).toEqual(told)
  })

  test('of what nobody knows, or knows no more, is none', async () => {
    const { uid } = await input()
    await lifecycles.describe(uid)
    await deleteLiveInput(deps(), ACCOUNT, uid)
    for (const id of [uid, 'f'.repeat(32), 'F'.repeat(32), 'x']) {
      await expect(lifecycles.describe(id)).rejects.toMatchObject({ code: 'not_found' })
      await expect(lifecycles.countViewers(id)).rejects.toMatchObject({ code: 'not_found' })
    }
  })
})

describe('the count of viewers', () => {
  test('is that of the input, by its uid and by that of its broadcast', async () => {
    const { uid } = await input()
    const videoUid = await video(uid)
    expect(await lifecycles.countViewers(uid)).toBe(0)
    running = { inputUid: uid, videoUid, protocol: 'rtmp', status: 'connected' }
    expect(await lifecycles.countViewers(uid)).toBe(17)
    expect(await lifecycles.countViewers(videoUid)).toBe(17)
    expect(await lifecycles.countViewers(await video(null))).toBe(0)
    expect(await lifecycles.countViewers(await video(uid))).toBe(0)
  })

  test('is not told where the input hides it', async () => {
    const { uid } = await input(true)
    const videoUid = await video(uid)
    running = { inputUid: uid, videoUid, protocol: 'rtmp', status: 'connected' }
    const hidden = { code: 'live_viewers_hidden' }
    await expect(lifecycles.countViewers(uid)).rejects.toMatchObject(hidden)
    await expect(lifecycles.countViewers(videoUid)).rejects.toMatchObject(hidden)
  })
})
