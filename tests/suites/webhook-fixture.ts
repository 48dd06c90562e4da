/** Webhooks with real records, jobs, connections and receivers, and a clock that only moves when a test says so. */

import { afterEach, beforeEach } from 'vitest'
import { createFetcher } from '../../src/adapters/fetch/guarded-fetch.ts'
import { blankVideo, insertVideo, moveVideo, nextCreatedUs, type Video } from '../../src/core/videos/index.ts'
import {
  type Attempt,
  type Call,
  createSubscription,
  type DeliverDeps,
  giveUpDelivery,
  listAttempts,
  listCalls,
  MAIN_EVENTS,
  putMainSubscription,
  type Subscription,
  WEBHOOK_KINDS,
  type WebhookEvent,
} from '../../src/core/webhooks/index.ts'
import { createJobTable } from '../../src/jobs/job-table.ts'
import { JobRunner } from '../../src/jobs/run-jobs.ts'
import { silentLog } from '../../src/lib/log.ts'
import { createDescribeVideo, webhookHandlers, workerSlots } from '../../src/roles/worker.ts'
import type { Trx } from '../../src/tables.ts'
import { type Receiver, startReceiver } from '../harness/receiver.ts'
import { openTestDatabase } from './open-test-database.ts'
import { TestClock } from './test-clock.ts'

export const ACCOUNT = 'a'.repeat(32)
export const BASE = 'https://video.example.com'

const SLOTS = workerSlots(1).filter(({ kinds }) => kinds.every((kind) => WEBHOOK_KINDS.includes(kind)))

export type WebhookBench = {
  /** Receivers on this machine may be called. */
  readonly deps: DeliverDeps
  readonly clock: TestClock
  /** Makes the calls; runs from the start. */
  readonly runner: JobRunner
  /** Stops the runner and starts another, with other parts where given. */
  readonly restart: (changes?: Partial<DeliverDeps>) => Promise<void>
  /** A receiver that ends with the test. */
  readonly receive: (...args: Parameters<typeof startReceiver>) => Promise<Receiver>
  readonly inTrx: <T>(work: (trx: Trx) => Promise<T>) => Promise<T>
  /** Sets the main subscription. */
  readonly main: (url: string) => Promise<Subscription>
  readonly another: (url: string, events?: readonly WebhookEvent[]) => Promise<Subscription>
  /** A video that has just been found to play. */
  readonly makeReady: () => Promise<Video>
  readonly calls: () => Promise<readonly Call[]>
  /** The only call there is, once it `is` so. */
  readonly untilCall: (is: (call: Call) => boolean) => Promise<Call>
  readonly attemptsAt: (call: Call) => Promise<readonly Attempt[]>
  /** Resolves when no call is under way and the runner sleeps: only then does the clock's next move reach it. */
  readonly untilAsleep: () => Promise<void>
  /** Resolves when no job is left, not even a planned one. */
  readonly untilNothingPlanned: () => Promise<void>
}

/** A bench of its own for each test of the file. */
export function useWebhooks(): WebhookBench {
  let own: Pick<WebhookBench, 'deps' | 'clock' | 'runner'>
  let removeDatabase: () => Promise<void>
  const receivers: Receiver[] = []

  function startRunner(deps: DeliverDeps): JobRunner {
    const runner = new JobRunner(deps, {
      handlers: webhookHandlers(deps),
      slots: SLOTS,
      onGiveUp: (job, error) => giveUpDelivery(deps, job, error),
    })
    runner.start()
    return runner
  }

  beforeEach(async () => {
    const { db, remove } = await openTestDatabase()
    removeDatabase = remove
    const clock = new TestClock()
    const deps: DeliverDeps = {
      db,
      clock,
      jobs: createJobTable({ db, clock }),
      fetcher: createFetcher({ allowPrivate: true }),
      log: silentLog,
      describeVideo: createDescribeVideo(db, null),
    }
    own = { deps, clock, runner: startRunner(deps) }
  })
  afterEach(async () => {
    await own.runner.stop()
    for (const receiver of receivers.splice(0)) await receiver.stop()
    await removeDatabase()
  })

  const bench: WebhookBench = {
    get deps() {
      return own.deps
    },
    get clock() {
      return own.clock
    },
    get runner() {
      return own.runner
    },
    restart: async (changes = {}) => {
      await own.runner.stop()
      const deps = { ...own.deps, ...changes }
      own = { ...own, deps, runner: startRunner(deps) }
    },
    receive: async (...args) => {
      const receiver = await startReceiver(...args)
      receivers.push(receiver)
      return receiver
    },
    inTrx: (work) => own.deps.db.transaction().execute(work),
    main: (url) =>
      putMainSubscription(own.deps, { accountId: ACCOUNT, url, field: 'notificationUrl', baseUrl: BASE }),
    another: (url, events = MAIN_EVENTS) =>
      createSubscription(own.deps, { accountId: ACCOUNT, url, field: 'url', baseUrl: BASE, events }),
    makeReady: () =>
      bench.inTrx(async (trx) => {
        const uid = own.clock.newUid()
        const createdUs = await nextCreatedUs(trx, own.clock, ACCOUNT)
        const blank = blankVideo({ uid, accountId: ACCOUNT, createdUs })
        await insertVideo(trx, { ...blank, meta: { name: 'harbour tour' } })
        await moveVideo(trx, own.deps, uid, 'queued')
        await moveVideo(trx, own.deps, uid, 'inprogress')
        return moveVideo(trx, own.deps, uid, 'ready', { pctComplete: 39 })
      }),
    calls: () => listCalls(own.deps.db, { accountId: ACCOUNT, limit: 100 }),
    untilCall: async (is) => {
      for (;;) {
        const [call] = await bench.calls()
        if (call !== undefined && is(call)) return call
        await new Promise(setImmediate)
      }
    },
    attemptsAt: (call) => listAttempts(own.deps.db, call.id),
    untilAsleep: async () => {
      const active = own.deps.db.selectFrom('jobs').select('id').where('state', '=', 'active')
      while ((await active.execute()).length > 0 || own.clock.sleepers < 1) await new Promise(setImmediate)
    },
    untilNothingPlanned: async () => {
      const left = own.deps.db.selectFrom('jobs').select('id').where('state', '!=', 'done')
      while ((await left.execute()).length > 0) await new Promise(setImmediate)
    },
  }
  return bench
}
