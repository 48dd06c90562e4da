/**
 * The queue in a table. A claim is one `UPDATE … RETURNING`, so nothing is claimed twice; its fencing token grows with
 * every claim, so a holder that was paused beyond its lease changes nothing any more.
 */

import { type Selectable, sql } from 'kysely'
import { HeadwaterError } from '../lib/failure.ts'
import { onCommit } from '../lib/commit-signal.ts'
import type { Clock } from '../ports.ts'
import type { Db, JobsTable, Trx } from '../tables.ts'
import type { ClaimedJob, Jobs, NewJob } from './job.ts'

const DEFAULT_ATTEMPTS = 4
const DEFAULT_DEADLINE_MS = 86_400_000
/** For what the rules of jobs plan ahead at most: the longest pause between two calls of a webhook, and a bit. */
export const LONGEST_PAUSE_MS = 3 * 3_600_000

/** So often a death of the process is no attempt of the jobs it was at. */
const MOST_INTERRUPTIONS = 20

/** The queue in `deps.db`. Listeners hear of work when the enqueuing transaction has committed. */
export function createJobTable(deps: { db: Db; clock: Clock }): Jobs {
  return new JobTable(deps)
}

class JobTable implements Jobs {
  readonly #db: Db
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  #mayHaveWork = false

  constructor(deps: { db: Db; clock: Clock }) {
    this.#db = deps.db
    this.#clock = deps.clock
    onCommit(deps.db, () => this.#announce())
  }

  async enqueue(trx: Trx, job: NewJob): Promise<void> {
    const nowUs = this.#clock.nowUs()
    await trx
      .insertInto('jobs')
      .values({
        kind: job.kind,
        dedupe: job.dedupe,
        payload: JSON.stringify(job.payload),
        video_uid: job.videoUid ?? null,
        priority: job.priority,
        state: 'queued',
        // Not the time it is now: a clock that is set back would hold it up.
        run_at_us: job.runAtUs ?? 0,
        lease_until_us: null,
        token: 0,
        attempts: 0,
        max_attempts: job.maxAttempts ?? DEFAULT_ATTEMPTS,
        deadline_us: nowUs + (job.deadlineMs ?? DEFAULT_DEADLINE_MS) * 1000,
        error: null,
        created_us: nowUs,
        finished_us: null,
      })
      .onConflict((conflict) =>
        conflict
          .column('dedupe')
          // Written out, not as parameters: it must be the condition of the unique index.
          .where(sql<boolean>`state in ('queued', 'active')`)
          .doUpdateSet({ priority: sql<number>`excluded.priority` })
          .where('jobs.priority', '>', job.priority),
      )
      .execute()
    this.#mayHaveWork = true
  }

  async claim(options: {
    kinds: readonly string[]
    leaseMs: number
    maxPriority?: number
  }): Promise<ClaimedJob | undefined> {
    const nowUs = this.#clock.nowUs()
    const { abandoned, waiting } = this.#runnable(options.kinds, nowUs, options.maxPriority)
    const dayUs = DEFAULT_DEADLINE_MS * 1000
    // Waiting takes nothing of a job's time: behind others, between tries, while the server is off, or by a clock that is
    // corrected.
    const deadlineUs = sql<number>`case when deadline_us - created_us >= ${dayUs}
      then max(deadline_us, ${nowUs + dayUs}) else deadline_us end`
    const row = await this.#db
      .updateTable('jobs')
      .set((set) => ({
        state: 'active',
        lease_until_us: nowUs + options.leaseMs * 1000,
        token: set('token', '+', 1),
        attempts: set('attempts', '+', 1),
        deadline_us: deadlineUs,
      }))
      .where('id', '=', (where) => where.fn.coalesce(abandoned, waiting))
      .returningAll()
      .executeTakeFirst()
    return row && claimedJob(row)
  }

  async hasWork(kinds: readonly string[]): Promise<boolean> {
    if (kinds.length === 0) return false
    const { abandoned, waiting } = this.#runnable(kinds, this.#clock.nowUs())
    const found = await this.#db
      .selectNoFrom((select) => select.fn.coalesce(abandoned, waiting).as('id'))
      .executeTakeFirst()
    return found?.id !== null && found?.id !== undefined
  }

  /** The job to begin with, in two walks along one index each; one `or` over both states would sort every job there is. */
  #runnable(kinds: readonly string[], nowUs: number, maxPriority?: number) {
    const candidates = this.#db
      .selectFrom('jobs')
      .select('id')
      .where('kind', 'in', kinds)
      .$if(maxPriority !== undefined, (query) => query.where('priority', '<=', maxPriority ?? 0))
      .orderBy('priority')
      .orderBy('id')
      .limit(1)
    return {
      abandoned: candidates.where('state', '=', 'active').where('lease_until_us', '<=', nowUs),
      waiting: candidates.where('state', '=', 'queued').where((where) =>
        where.or([
          where('run_at_us', '<=', nowUs),
          // Nothing is planned so far ahead: the clock was set back.
          where('run_at_us', '>', nowUs + LONGEST_PAUSE_MS * 1000),
        ]),
      ),
    }
  }

  async heartbeat(job: ClaimedJob, leaseMs: number): Promise<'held' | 'lost'> {
    const { numUpdatedRows } = await this.#db
      .updateTable('jobs')
      .set({ lease_until_us: this.#clock.nowUs() + leaseMs * 1000 })
      .where('id', '=', job.id)
      .where('token', '=', job.token)
      .where('state', '=', 'active')
      .executeTakeFirstOrThrow()
    return numUpdatedRows > 0n ? 'held' : 'lost'
  }

  async complete(trx: Trx, job: ClaimedJob): Promise<void> {
    const { numUpdatedRows } = await trx
      .updateTable('jobs')
      .set({ state: 'done', lease_until_us: null, finished_us: this.#clock.nowUs(), error: null })
      .where('id', '=', job.id)
      .where('token', '=', job.token)
      .where('state', '=', 'active')
      .executeTakeFirstOrThrow()
    if (numUpdatedRows > 0n) return
    throw new HeadwaterError(
      'lease_lost',
      `Job ${job.id} (${job.kind}) is no longer held by this claim; another has it, or its video was deleted.`,
      { facts: { job: job.id, kind: job.kind } },
    )
  }

  async fail(job: ClaimedJob, failure: { error: string; retryAtUs: number | 'never' }): Promise<void> {
    const ended = failure.retryAtUs === 'never'
    await this.#db
      .updateTable('jobs')
      .set({
        state: ended ? 'failed' : 'queued',
        lease_until_us: null,
        error: failure.error,
        ...(failure.retryAtUs === 'never'
          ? { finished_us: this.#clock.nowUs() }
          : { run_at_us: failure.retryAtUs }),
      })
      .where('id', '=', job.id)
      .where('token', '=', job.token)
      .where('state', '=', 'active')
      .execute()
  }

  async payloadOf(trx: Trx, kind: string, videoUid: string): Promise<unknown> {
    const row = await trx
      .selectFrom('jobs')
      .select('payload')
      .where('video_uid', '=', videoUid)
      .where('kind', '=', kind)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row && JSON.parse(row.payload)
  }

  async drop(trx: Trx, videoUid: string): Promise<void> {
    await trx
      .deleteFrom('jobs')
      .where('video_uid', '=', videoUid)
      .where('state', 'in', ['queued', 'active'])
      .execute()
  }

  async release(job: ClaimedJob, pause?: { error: string; retryAtUs: number }): Promise<void> {
    await this.#db
      .updateTable('jobs')
      .set((set) => ({
        state: 'queued',
        lease_until_us: null,
        attempts: set('attempts', '-', 1),
        ...(pause && { error: pause.error, run_at_us: pause.retryAtUs }),
      }))
      .where('id', '=', job.id)
      .where('token', '=', job.token)
      .where('state', '=', 'active')
      .execute()
  }

  async releaseAll(): Promise<void> {
    // Claims beyond the attempts are interruptions; a job that ends the process every time must not do so for ever.
    const forgiven = sql<number>`case when token - attempts < ${MOST_INTERRUPTIONS} then attempts - 1 else attempts end`
    await this.#db
      .updateTable('jobs')
      .set({ state: 'queued', lease_until_us: null, attempts: forgiven })
      .where('state', '=', 'active')
      .execute()
    this.#mayHaveWork = true
    this.#announce()
  }

  async forgetFinished(beforeUs: number): Promise<void> {
    await this.#db.deleteFrom('jobs').where('finished_us', '<', beforeUs).execute()
  }

  onWork(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #announce(): void {
    if (!this.#mayHaveWork) return
    this.#mayHaveWork = false
    for (const listener of this.#listeners) listener()
  }
}

function claimedJob(row: Selectable<JobsTable>): ClaimedJob {
  return {
    id: row.id,
    kind: row.kind,
    payload: JSON.parse(row.payload),
    videoUid: row.video_uid,
    priority: row.priority,
    attempt: row.attempts,
    maxAttempts: row.max_attempts,
    deadlineUs: row.deadline_us,
    token: row.token,
  }
}
