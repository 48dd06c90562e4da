import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type OpenedDatabase, openDatabase } from '../../adapters/sql/open-database.ts'
import type { Clock } from '../../ports.ts'
import type { Plan } from '../planning/index.ts'
import { Timelines, type WantedSegment } from './timeline-cache.ts'

const UID = 'a'.repeat(32)
const WANTED: WantedSegment = { uid: UID, renditionId: 'low', segment: 1 }
const never = new AbortController().signal

let folder: string
let opened: OpenedDatabase

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'timelines-'))
  opened = await openDatabase({ file: join(folder, 'headwater.db') })
  const plan = {
    format: 1,
    timescale: 10,
    cuts: [0, 40, 80],
    frames: { kind: 'grid', frameCount: 8, rate: { num: 1, den: 1 } },
    video: [
      { id: 'low', made: 'low', width: 2, height: 2, name: '2p', bitrateBps: 8, peakBps: 8, codec: 'avc1' },
    ],
    audio: null,
  } as unknown as Plan
  await opened.db
    .insertInto('videos')
    .values({
      uid: UID,
      account_id: 'account',
      creator: null,
      name: null,
      meta: '{}',
      state: 'ready',
      step: null,
      pct_complete: null,
      error_code: '',
      error_text: '',
      error_detail: null,
      size_bytes: 0,
      duration_seconds: 8,
      width: 2,
      height: 2,
      created_us: 1,
      modified_us: 1,
      uploaded_us: null,
      ready_us: null,
      upload_expiry_us: null,
      max_duration_seconds: null,
      scheduled_deletion_us: null,
      allowed_origins: '[]',
      require_signed_urls: 0,
      thumbnail_timestamp_pct: 0,
      public_details: null,
      live_input: null,
      clipped_from: null,
    })
    .execute()
  await opened.db
    .insertInto('plans')
    .values({
      video_uid: UID,
      revision: 1,
      plan: JSON.stringify(plan),
      media_blob: 'm',
      index_blob: null,
      complete: 0,
    })
    .execute()
})

afterEach(async () => {
  await opened.close()
  await rm(folder, { recursive: true, force: true })
})

/** A clock that stands still except while somebody sleeps. */
function steppingClock(onSleep: (nowMs: number) => Promise<void> = async () => {}) {
  let nowMs = 0
  const clock: Pick<Clock, 'monotonicMs' | 'sleep'> = {
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms
      await onSleep(nowMs)
    },
  }
  return { clock: clock as Clock, step: (ms: number) => (nowMs += ms) }
}

function timelines(clock: Clock) {
  const asked: WantedSegment[] = []
  const made = new Timelines({
    db: opened.db,
    clock,
    requestSegment: async (wanted) => {
      asked.push(wanted)
    },
  })
  return { timelines: made, asked }
}

async function recordSegment(segment: number): Promise<void> {
  const { db } = opened
  const common = { video_uid: UID, rendition: 'low' }
  await db
    .insertInto('renditions')
    .values({ ...common, init_blob: 'init', codec: 'avc1' })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  await db
    .insertInto('chunks')
    .values({
      ...common,
      first_segment: segment,
      segment_count: 1,
      blob: `b${segment}`,
      segment_bytes: '[7]',
      created_us: 1,
    })
    .execute()
  await db
    .updateTable('plans')
    .set((update) => ({ revision: update('revision', '+', 1) }))
    .execute()
}

describe('the timelines of all videos', () => {
  test('are kept as long as they may be, and seen anew after a change', async () => {
    const { clock, step } = steppingClock()
    const { timelines: cache } = timelines(clock)
    const first = await cache.get(UID, 1_000)
    await recordSegment(0)
    step(999)
    expect((await cache.get(UID, 1_000))?.timeline).toBe(first?.timeline)
    expect((await cache.get(UID, 0))?.timeline.revision).toBe(2)
    step(1_001)
    expect((await cache.get(UID, 1_000))?.timeline.tracks[0]?.segment(0)).toMatchObject({ from: 'stored' })
  })

  test('are made once for all who ask at the same time', async () => {
    const { timelines: cache } = timelines(steppingClock().clock)
    const [first, ...others] = await Promise.all(Array.from({ length: 10 }, () => cache.get(UID, 1_000)))
    for (const other of others) expect(other?.timeline).toBe(first?.timeline)
  })

  test('do not exist for a video without a plan', async () => {
    const { timelines: cache } = timelines(steppingClock().clock)
    expect(await cache.get('b'.repeat(32), 1_000)).toBeUndefined()
  })
})

describe('waiting for a segment', () => {
  test('asks for it once and answers as soon as it is stored', async () => {
    const { clock } = steppingClock(async (nowMs) => {
      if (nowMs === 500) await recordSegment(1)
    })
    const { timelines: cache, asked } = timelines(clock)
    const source = await cache.waitForSegment(WANTED, { signal: never })
    expect(source).toEqual({ from: 'stored', blob: 'b1', range: { start: 0, end: 7 }, shiftTicks: 0 })
    expect(asked).toEqual([WANTED])
    expect(clock.monotonicMs()).toBeLessThanOrEqual(550)
  })

  test('asks for nothing when it is there already', async () => {
    await recordSegment(1)
    const { timelines: cache, asked } = timelines(steppingClock().clock)
    await cache.waitForSegment(WANTED, { signal: never })
    expect(asked).toEqual([])
  })

  test('gives up after eight seconds', async () => {
    const { clock } = steppingClock()
    const { timelines: cache } = timelines(clock)
    await expect(cache.waitForSegment(WANTED, { signal: never })).rejects.toMatchObject({
      code: 'segment_not_ready',
    })
    expect(clock.monotonicMs()).toBe(8_000)
  })

  test('ends with the viewer', async () => {
    const viewer = new AbortController()
    const { clock } = steppingClock(async (nowMs) => {
      if (nowMs === 200) viewer.abort(new Error('gone'))
    })
    const { timelines: cache } = timelines(clock)
    await expect(cache.waitForSegment(WANTED, { signal: viewer.signal })).rejects.toThrow('gone')
  })

  test('ends when the video is deleted', async () => {
    const { clock } = steppingClock(async (nowMs) => {
      if (nowMs === 200) await opened.db.deleteFrom('plans').execute()
    })
    const { timelines: cache } = timelines(clock)
    await expect(cache.waitForSegment(WANTED, { signal: never })).rejects.toMatchObject({ code: 'not_found' })
  })
})
