/** What every queue must do; run by each adapter's own test file. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ClaimedJob, type Jobs, type NewJob, PRIORITY } from '../../src/jobs/job.ts'
import type { Db } from '../../src/tables.ts'
import type { TestClock } from './test-clock.ts'

/** A fresh, empty queue on a clock that the test moves. */
export type JobsUnderTest = {
  readonly db: Db
  readonly jobs: Jobs
  readonly clock: TestClock
  readonly remove: () => Promise<void>
}

const LEASE_MS = 30_000
const HOUR_MS = 3_600_000
const KINDS = ['encode', 'ingest']

export function describeJobs(name: string, make: () => Promise<JobsUnderTest>): void {
  describe(`jobs: ${name}`, () => {
    let queue: JobsUnderTest
    beforeEach(async () => {
      queue = await make()
    })
    afterEach(() => queue.remove())

    const enqueue = (job: Partial<NewJob> = {}): Promise<void> =>
      queue.db.transaction().execute((trx) =>
        queue.jobs.enqueue(trx, {
          kind: 'ingest',
          dedupe: 'ingest/v',
          payload: { uid: 'v' },
          priority: PRIORITY.rest,
          ...job,
        }),
      )
    const claim = (options: { maxPriority?: number; kinds?: string[] } = {}) =>
      queue.jobs.claim({ kinds: KINDS, leaseMs: LEASE_MS, ...options })
    const mustClaim = async (): Promise<ClaimedJob> => {
      const job = await claim()
      if (job === undefined) throw new Error('nothing to claim')
      return job
    }
    const complete = (job: ClaimedJob): Promise<void> =>
      queue.db.transaction().execute((trx) => queue.jobs.complete(trx, job))

    test('a job is claimed with what it was enqueued with', async () => {
      await enqueue({
        payload: { uid: 'v', list: [1, 'two'] },
        videoUid: 'v',
        maxAttempts: 3,
        deadlineMs: 5_000,
      })
      expect(await claim()).toMatchObject({
        kind: 'ingest',
        payload: { uid: 'v', list: [1, 'two'] },
        videoUid: 'v',
        priority: PRIORITY.rest,
        attempt: 1,
        maxAttempts: 3,
        deadlineUs: queue.clock.nowUs() + 5_000_000,
      })
      expect(await claim()).toBeUndefined()
    })

    test('a job of a transaction that was rolled back does not exist', async () => {
      const failing = queue.db.transaction().execute(async (trx) => {
        await queue.jobs.enqueue(trx, { kind: 'ingest', dedupe: 'x', payload: {}, priority: PRIORITY.rest })
        throw new Error('changed my mind')
      })
      await expect(failing).rejects.toThrow('changed my mind')
      expect(await claim()).toBeUndefined()
    })

    test('the most urgent comes first, then the oldest', async () => {
      await enqueue({ dedupe: 'a', priority: PRIORITY.rest })
      await enqueue({ dedupe: 'b', priority: PRIORITY.first })
      await enqueue({ dedupe: 'c', priority: PRIORITY.first })
      await enqueue({ dedupe: 'd', priority: PRIORITY.viewer })
      const claimed = [await mustClaim(), await mustClaim(), await mustClaim(), await mustClaim()]
      expect(claimed.map((job) => job.id)).toEqual([4, 2, 3, 1])
    })

    test('a claim can be limited to kinds and to urgent jobs', async () => {
      await enqueue({ dedupe: 'a', kind: 'encode', priority: PRIORITY.first })
      expect(await claim({ kinds: ['ingest'] })).toBeUndefined()
      expect(await claim({ maxPriority: PRIORITY.viewer })).toBeUndefined()
      expect(await claim({ maxPriority: PRIORITY.first })).toMatchObject({ kind: 'encode' })
    })

    test('a job does not run before its time', async () => {
      await enqueue({ runAtUs: queue.clock.nowUs() + 1_000_000 })
      expect(await queue.jobs.hasWork(KINDS)).toBe(false)
      expect(await claim()).toBeUndefined()
      queue.clock.advance(1_000)
      expect(await queue.jobs.hasWork(KINDS)).toBe(true)
      expect(await queue.jobs.hasWork(['encode'])).toBe(false)
      expect(await claim()).toBeDefined()
      expect(await queue.jobs.hasWork(KINDS)).toBe(false)
      queue.clock.advance(LEASE_MS)
      expect(await queue.jobs.hasWork(KINDS)).toBe(true)
    })

    test.each([
      ['enqueued for now', 0],
      ['planned for later', 2 * HOUR_MS],
    ])('a clock that is set back a day does not hold up what is %s', async (_, aheadMs) => {
      await enqueue(aheadMs === 0 ? {} : { runAtUs: queue.clock.nowUs() + aheadMs * 1000 })
      queue.clock.advance(-24 * HOUR_MS)
      expect(await claim()).toBeDefined()
    })

    test('waiting takes nothing of the time of a job, unless a viewer waits for it', async () => {
      await enqueue({ dedupe: 'ordinary' })
      await enqueue({ dedupe: 'of a viewer', deadlineMs: 120_000 })
      queue.clock.advance(50 * HOUR_MS)
      const [ordinary, ofViewer] = [await mustClaim(), await mustClaim()]
      expect(ordinary.deadlineUs).toBe(queue.clock.nowUs() + 24 * HOUR_MS * 1000)
      expect(ofViewer.deadlineUs).toBeLessThan(queue.clock.nowUs())
      await complete(ofViewer)
      // Between two tries it waits as well.
      await queue.jobs.fail(ordinary, { error: 'once', retryAtUs: 0 })
      queue.clock.advance(50 * HOUR_MS)
      const deadlineUs = queue.clock.nowUs() + 24 * HOUR_MS * 1000
      expect(await claim()).toMatchObject({ id: ordinary.id, attempt: 2, deadlineUs })
    })

    test('equal unfinished jobs are one, as urgent as the most urgent of them', async () => {
      await enqueue({ priority: PRIORITY.rest })
      await enqueue({ priority: PRIORITY.viewer })
      await enqueue({ priority: PRIORITY.first })
      const job = await mustClaim()
      expect(job.priority).toBe(PRIORITY.viewer)
      await enqueue({ priority: PRIORITY.viewer })
      expect(await claim()).toBeUndefined()
      await complete(job)
      await enqueue()
      expect(await claim()).toBeDefined()
    })

    test('nothing is claimed twice by many at once', async () => {
      for (let index = 0; index < 100; index++) await enqueue({ dedupe: `job/${index}` })
      const claims = await Promise.all(Array.from({ length: 130 }, () => claim()))
      const ids = claims.flatMap((job) => job?.id ?? [])
      expect(ids).toHaveLength(100)
      expect(new Set(ids).size).toBe(100)
    })

    test('heartbeats keep a job; without them it goes to the next, and its old holder can change nothing', async () => {
      await enqueue()
      const first = await mustClaim()
      queue.clock.advance(20_000)
      expect(await queue.jobs.heartbeat(first, LEASE_MS)).toBe('held')
      queue.clock.advance(29_000)
      expect(await claim()).toBeUndefined()
      queue.clock.advance(1_000)
      const second = await mustClaim()
      expect(second).toMatchObject({ id: first.id, attempt: 2 })
      expect(second.token).toBeGreaterThan(first.token)

      expect(await queue.jobs.heartbeat(first, LEASE_MS)).toBe('lost')
      await expect(complete(first)).rejects.toMatchObject({ code: 'lease_lost' })
      await queue.jobs.fail(first, { error: 'too late', retryAtUs: 'never' })
      await queue.jobs.release(first)
      expect(await queue.jobs.heartbeat(second, LEASE_MS)).toBe('held')
      await complete(second)
      await expect(complete(second)).rejects.toMatchObject({ code: 'lease_lost' })
    })

    test('what a lost lease wrote in the same transaction is rolled back', async () => {
      await enqueue()
      const job = await mustClaim()
      queue.clock.advance(LEASE_MS)
      await mustClaim()
      const late = queue.db.transaction().execute(async (trx) => {
        await queue.jobs.enqueue(trx, {
          kind: 'encode',
          dedupe: 'late',
          payload: {},
          priority: PRIORITY.rest,
        })
        await queue.jobs.complete(trx, job)
      })
      await expect(late).rejects.toMatchObject({ code: 'lease_lost' })
      expect(await claim({ kinds: ['encode'] })).toBeUndefined()
    })

    test('a failed job comes back at its time, or never', async () => {
      await enqueue()
      await queue.jobs.fail(await mustClaim(), { error: 'no', retryAtUs: queue.clock.nowUs() + 5_000_000 })
      expect(await claim()).toBeUndefined()
      queue.clock.advance(5_000)
      const again = await mustClaim()
      expect(again.attempt).toBe(2)
      await queue.jobs.fail(again, { error: 'no', retryAtUs: 'never' })
      queue.clock.advance(86_400_000)
      expect(await claim()).toBeUndefined()
    })

    test('a job that is given back does not count the attempt, at once or after a pause', async () => {
      await enqueue()
      await queue.jobs.release(await mustClaim())
      const again = await mustClaim()
      expect(again.attempt).toBe(1)
      await queue.jobs.release(again, { error: 'no room', retryAtUs: queue.clock.nowUs() + 5_000_000 })
      expect(await claim()).toBeUndefined()
      queue.clock.advance(5_000)
      expect((await mustClaim()).attempt).toBe(1)
    })

    test('after a restart the jobs of the dead process run at once; many deaths count as attempts', async () => {
      await enqueue()
      for (let death = 0; death < 20; death++) {
        expect((await mustClaim()).attempt).toBe(1)
        await queue.jobs.releaseAll()
      }
      await mustClaim()
      await queue.jobs.releaseAll()
      expect((await mustClaim()).attempt).toBe(2)
    })

    test('the unfinished jobs of a video go with it', async () => {
      await enqueue({ dedupe: 'held', videoUid: 'v' })
      const held = await mustClaim()
      await enqueue({ dedupe: 'waiting', videoUid: 'v' })
      await enqueue({ dedupe: 'other', videoUid: 'w' })
      await queue.db.transaction().execute((trx) => queue.jobs.drop(trx, 'v'))
      expect(await queue.jobs.heartbeat(held, LEASE_MS)).toBe('lost')
      await expect(complete(held)).rejects.toMatchObject({ code: 'lease_lost' })
      expect(await claim()).toMatchObject({ videoUid: 'w' })
      expect(await claim()).toBeUndefined()
    })

    test('finished jobs are forgotten, others are not', async () => {
      await enqueue({ dedupe: 'a' })
      await enqueue({ dedupe: 'b' })
      await complete(await mustClaim())
      queue.clock.advance(1)
      await queue.jobs.forgetFinished(queue.clock.nowUs())
      const left = await queue.db.selectFrom('jobs').select('dedupe').execute()
      expect(left).toEqual([{ dedupe: 'b' }])
    })

    test('listeners hear of work after it is there', async () => {
      const heard = Promise.withResolvers<ClaimedJob | undefined>()
      const stop = queue.jobs.onWork(() => {
        claim().then(heard.resolve, heard.reject)
      })
      await enqueue()
      expect(await heard.promise).toMatchObject({ kind: 'ingest' })
      stop()
    })
  })
}
