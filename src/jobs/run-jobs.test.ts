import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../tests/suites/open-test-database.ts'
import { TestClock } from '../../tests/suites/test-clock.ts'
import { HeadwaterError } from '../lib/failure.ts'
import { silentLog } from '../lib/log.ts'
import { type ClaimedJob, type Jobs, type NewJob, PRIORITY } from './job.ts'
import { createJobTable } from './job-table.ts'
import { retryDelayMs } from './retry-delay.ts'
import { type JobHandler, JobRunner, type RunnerOptions, type SlotRule } from './run-jobs.ts'

let database: TestDatabase
let clock: TestClock
let jobs: Jobs
let runner: JobRunner | undefined

beforeEach(async () => {
  database = await openTestDatabase()
  clock = new TestClock()
  jobs = createJobTable({ db: database.db, clock })
})

afterEach(async () => {
  await runner?.stop()
  runner = undefined
  await database.remove()
})

const ONE_SLOT: readonly SlotRule[] = [{ kinds: ['work'], count: 1 }]

function start(work: JobHandler, options: Partial<RunnerOptions> = {}): JobRunner {
  runner = new JobRunner({ jobs, clock, log: silentLog }, { handlers: { work }, slots: ONE_SLOT, ...options })
  runner.start()
  return runner
}

function enqueue(job: Partial<NewJob> = {}): Promise<void> {
  return database.db
    .transaction()
    .execute((trx) =>
      jobs.enqueue(trx, { kind: 'work', dedupe: 'one', payload: {}, priority: PRIORITY.rest, ...job }),
    )
}

function complete(job: ClaimedJob): Promise<void> {
  return database.db.transaction().execute((trx) => jobs.complete(trx, job))
}

/** Resolves once the queue shows `state` for its only job, after so many attempts. */
async function untilState(state: string, attempts = 1): Promise<{ error: string | null; run_at_us: number }> {
  for (;;) {
    const row = await database.db.selectFrom('jobs').selectAll().executeTakeFirstOrThrow()
    if (row.state === state && row.attempts >= attempts) return row
    await new Promise(setImmediate)
  }
}

async function untilLease(untilUs: number): Promise<void> {
  for (;;) {
    const row = await database.db.selectFrom('jobs').select('lease_until_us').executeTakeFirstOrThrow()
    if (row.lease_until_us === untilUs) return
    await new Promise(setImmediate)
  }
}

/** A handler that tells when it runs, and goes on until it is aborted. */
function untilAborted(): { handler: JobHandler; running: Promise<ClaimedJob>; reason: Promise<unknown> } {
  const running = Promise.withResolvers<ClaimedJob>()
  const reason = Promise.withResolvers<unknown>()
  const handler: JobHandler = (job, { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reason.resolve(signal.reason)
        reject(new Error('some noise of the abort'))
      })
      running.resolve(job)
    })
  return { handler, running: running.promise, reason: reason.promise }
}

test('work is begun as soon as its transaction has committed, without a tick of the clock', async () => {
  const done = Promise.withResolvers<unknown>()
  start(async (job) => {
    await complete(job)
    done.resolve(job.payload)
  })
  await enqueue({ payload: { uid: 'v' } })
  expect(await done.promise).toEqual({ uid: 'v' })
})

test('slots that find nothing do not ask again: one look for all of them does, and only what is there is claimed', async () => {
  const claims = vi.spyOn(jobs, 'claim')
  const looks = vi.spyOn(jobs, 'hasWork')
  const done = Promise.withResolvers<void>()
  const slots = Array.from({ length: 20 }, () => ({ kinds: ['work'], count: 1 }))
  start(
    async (job) => {
      await complete(job)
      done.resolve()
    },
    { slots },
  )
  await enqueue({ runAtUs: clock.nowUs() + 5_000_000 })
  // Each has looked when it was started, and again when the job was announced, whose time has not come.
  while (claims.mock.calls.length < 40) await new Promise(setImmediate)
  for (let second = 1; second <= 4; second += 1) {
    while (clock.sleepers < 1) await new Promise(setImmediate)
    clock.advance(1_000)
    while (looks.mock.calls.length < second) await new Promise(setImmediate)
  }
  expect(claims).toHaveBeenCalledTimes(40)
  while (clock.sleepers < 1) await new Promise(setImmediate)
  clock.advance(1_000)
  await done.promise
})

test('a slot for urgent work does not take other work', async () => {
  const seen: number[] = []
  const both = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  start(
    async (job) => {
      seen.push(job.priority)
      if (job.priority === PRIORITY.viewer) both.resolve()
      await gate.promise
      await complete(job)
    },
    {
      slots: [
        { kinds: ['work'], count: 1 },
        { kinds: ['work'], count: 1, maxPriority: PRIORITY.viewer },
      ],
    },
  )
  await enqueue({ dedupe: 'a' })
  await enqueue({ dedupe: 'b' })
  await enqueue({ dedupe: 'c', priority: PRIORITY.viewer })
  await both.promise
  expect(seen).toEqual([PRIORITY.rest, PRIORITY.viewer])
  gate.resolve()
})

test('a failed job is tried again after its delay, and given up after its last attempt', async () => {
  const attempts: number[] = []
  const given = Promise.withResolvers<unknown>()
  start(
    async (job) => {
      attempts.push(job.attempt)
      throw new Error(`try ${job.attempt} failed`)
    },
    { onGiveUp: async (_, error) => given.resolve(error) },
  )
  await enqueue({ maxAttempts: 3 })
  for (const attempt of [1, 2]) {
    const row = await untilState('queued', attempt)
    expect(row.run_at_us - clock.nowUs()).toBe(retryDelayMs(1, attempt) * 1000)
    // The runner sleeps: only then does it notice that the clock moves.
    while (clock.sleepers < 1) await new Promise(setImmediate)
    clock.advance(retryDelayMs(1, attempt))
  }
  expect(await given.promise).toMatchObject({ message: 'try 3 failed' })
  expect(await untilState('failed')).toMatchObject({ error: 'try 3 failed' })
  expect(attempts).toEqual([1, 2, 3])
})

test('a source at fault is given up at once', async () => {
  const given = Promise.withResolvers<ClaimedJob>()
  start(
    async () => {
      throw new HeadwaterError('mp4_box_too_large', 'The file ends in the middle of a box.')
    },
    { onGiveUp: async (job) => given.resolve(job) },
  )
  await enqueue()
  expect(await given.promise).toMatchObject({ attempt: 1 })
  expect(await untilState('failed')).toMatchObject({ error: 'The file ends in the middle of a box.' })
})

test('heartbeats keep the lease while a job runs', async () => {
  const { handler, running } = untilAborted()
  start(handler)
  await enqueue()
  await running
  for (let beat = 1; beat <= 6; beat++) {
    // The lease and the deadline are watched again, and work is looked for.
    while (clock.sleepers < 3) await new Promise(setImmediate)
    clock.advance(10_000)
    await untilLease(clock.nowUs() + 30_000_000)
  }
  expect(await jobs.claim({ kinds: ['work'], leaseMs: 1 })).toBeUndefined()
})

test('a handler whose lease is lost is told so', async () => {
  const { handler, running, reason } = untilAborted()
  start(handler)
  await enqueue({ videoUid: 'v' })
  await running
  await database.db.transaction().execute((trx) => jobs.drop(trx, 'v'))
  clock.advance(10_000)
  expect(await reason).toMatchObject({ code: 'lease_lost' })
})

test('a full disk is waited out for as long as the job may last, and takes none of its tries', async () => {
  const given = Promise.withResolvers<unknown>()
  let tries = 0
  const full = async () => {
    tries += 1
    throw new HeadwaterError('disk_full', 'There is no room.')
  }
  start(full, { onGiveUp: async (_, error) => given.resolve(error) })
  await enqueue({ deadlineMs: 185_000, maxAttempts: 1 })
  for (const [look, pauseMs] of [10_000, 20_000, 40_000, 60_000, 60_000].entries()) {
    await expect.poll(() => tries).toBe(look + 1)
    expect((await untilState('queued', 0)).run_at_us).toBe(clock.nowUs() + pauseMs * 1000)
    clock.advance(pauseMs)
  }
  expect(await given.promise).toMatchObject({ message: expect.stringContaining('deadline') })
})

test('the time between two tries takes nothing of what a long job has for each', async () => {
  let tries = 0
  start(async (job) => {
    tries += 1
    if (tries === 1) throw new Error('not yet')
    await complete(job)
  })
  await enqueue({ deadlineMs: 86_400_000 })
  await untilState('queued')
  await expect.poll(() => tries).toBe(1)
  // The server was off, or its clock was corrected.
  clock.advance(3 * 86_400_000)
  await untilState('done')
})

test('a job is ended and given up at its deadline', async () => {
  const given = Promise.withResolvers<unknown>()
  const { handler, running } = untilAborted()
  start(handler, { onGiveUp: async (_, error) => given.resolve(error) })
  await enqueue({ deadlineMs: 5_000 })
  await running
  clock.advance(5_000)
  expect(await given.promise).toMatchObject({ message: expect.stringContaining('deadline') })
  await untilState('failed')
})

test('a job that ends its process every time is given up without being run', async () => {
  await enqueue({ maxAttempts: 2 })
  for (let death = 0; death < 2; death++) {
    await jobs.claim({ kinds: ['work'], leaseMs: 1_000 })
    clock.advance(1_000)
  }
  const given = Promise.withResolvers<unknown>()
  start(
    async () => {
      throw new Error('must not run')
    },
    { onGiveUp: async (_, error) => given.resolve(error) },
  )
  expect(await given.promise).toMatchObject({ message: expect.stringContaining('never ended') })
  await untilState('failed')
})

test('a stop aborts what runs, waits for it, and gives the job back uncounted', async () => {
  const { handler, running, reason } = untilAborted()
  const stopped = start(handler)
  await enqueue()
  await running
  await stopped.stop()
  expect(await reason).toMatchObject({ name: 'RunnerStopped' })
  expect(await jobs.claim({ kinds: ['work'], leaseMs: 1_000 })).toMatchObject({ attempt: 1 })
})

test('a job of an unknown kind is not left lying', async () => {
  const given = Promise.withResolvers<unknown>()
  start(async () => {}, {
    handlers: {},
    onGiveUp: async (_, error) => given.resolve(error),
  })
  await enqueue({ maxAttempts: 1 })
  expect(await given.promise).toMatchObject({ message: 'No handler for jobs of kind work.' })
  await untilState('failed')
})

test('delays grow and differ between jobs', () => {
  const delays = [1, 2, 3, 4, 9].map((attempt) => retryDelayMs(7, attempt))
  for (const [index, base] of [1_000, 5_000, 30_000, 120_000, 120_000].entries()) {
    expect(delays[index]).toBeGreaterThanOrEqual(base)
    expect(delays[index]).toBeLessThanOrEqual(base * 1.25)
  }
  expect(retryDelayMs(7, 1)).toBe(retryDelayMs(7, 1))
  expect(new Set(Array.from({ length: 20 }, (_, id) => retryDelayMs(id, 1))).size).toBeGreaterThan(15)
})
