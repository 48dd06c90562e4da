/**
 * Runs jobs: fills its slots with claims, keeps their leases, ends them at their deadline, and brings failed ones back.
 * A handler completes its own job in the transaction of its result; so a crash at any instant leaves either the result
 * and a finished job, or neither, and then the job is claimed again when its lease has run out.
 */

import { HeadwaterError, isFailure } from '../lib/failure.ts'
import type { Log } from '../lib/log.ts'
import type { Clock } from '../ports.ts'
import type { ClaimedJob, Jobs } from './job.ts'
import { retryDelayMs } from './retry-delay.ts'

/** How long a claim holds without a heartbeat, and how often it gets one. */
export const LEASE_MS = 30_000
const HEARTBEAT_MS = 10_000

/** Work is announced; one look for all slots finds what was not: retries that are due, leases that ran out. */
const POLL_MS = 1_000

/** A full disk is waited out, a look at a time: each costs the work over again. */
const DISK_FULL_PAUSES_MS = { first: 10_000, most: 60_000 } as const

/** `signal` is aborted when the lease is lost, the deadline passes or the runner stops; its reason says which. */
export type JobContext = { readonly signal: AbortSignal }

/** Does the work and completes the job (`jobs.complete`) in the transaction of the result. */
export type JobHandler = (job: ClaimedJob, context: JobContext) => Promise<void>

/** `count` jobs at a time of these kinds; `maxPriority` keeps the slots for urgent ones. */
export type SlotRule = {
  readonly kinds: readonly string[]
  readonly maxPriority?: number
  readonly count: number
}

export type RunnerDeps = { readonly jobs: Jobs; readonly clock: Clock; readonly log: Log }

export type RunnerOptions = {
  readonly handlers: Readonly<Record<string, JobHandler>>
  readonly slots: readonly SlotRule[]
  /**
   * Called once a job has failed for good, before it is marked so; after a crash in between it is called again. Should
   * it throw, the job is tried again later.
   */
  readonly onGiveUp?: (job: ClaimedJob, error: unknown) => Promise<void>
}

/** Why a handler's signal was aborted when the runner stops: the job goes back to the queue without a failure. */
class RunnerStopped extends Error {
  constructor() {
    super('the job runner stops')
    this.name = 'RunnerStopped'
  }
}

export class JobRunner {
  readonly #deps: RunnerDeps
  readonly #options: RunnerOptions
  readonly #loops: Promise<void>[] = []
  /** Of slots that run no job. */
  readonly #free = new Set<{ readonly rule: SlotRule }>()
  #stopping = new AbortController()
  #wake = new AbortController()
  #unsubscribe: (() => void) | undefined

  constructor(deps: RunnerDeps, options: RunnerOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Begins to claim. */
  start(): void {
    if (this.#unsubscribe !== undefined) return
    this.#stopping = new AbortController()
    this.#unsubscribe = this.#deps.jobs.onWork(() => this.#wakeUp())
    for (const slot of this.#options.slots) {
      for (let index = 0; index < slot.count; index++) this.#loops.push(this.#runSlot(slot))
    }
    this.#loops.push(this.#poll())
  }

  /** Claims no more, aborts what runs, and returns when every handler has. Their jobs are claimable again at once. */
  async stop(): Promise<void> {
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    this.#stopping.abort(new RunnerStopped())
    this.#wakeUp()
    await Promise.all(this.#loops.splice(0))
  }

  #wakeUp(): void {
    this.#wake.abort()
    this.#wake = new AbortController()
  }

  async #runSlot(slot: SlotRule): Promise<void> {
    const stopping = this.#stopping.signal
    const place = { rule: slot }
    this.#free.add(place)
    while (!stopping.aborted) {
      // Taken before the claim: work announced while it runs must not be slept through.
      const woken = this.#wake.signal
      const job = await this.#claim(slot)
      if (job === undefined) {
        await aborted(woken)
        continue
      }
      this.#free.delete(place)
      await this.#take(job, stopping)
      this.#free.add(place)
    }
    this.#free.delete(place)
  }

  async #poll(): Promise<void> {
    const stopping = this.#stopping.signal
    while (!stopping.aborted) {
      await this.#deps.clock.sleep(POLL_MS, stopping)
      if (!stopping.aborted && (await this.#hasWork())) this.#wakeUp()
    }
  }

  /** For slots that run no job; the others claim when they have ended theirs. */
  async #hasWork(): Promise<boolean> {
    const kinds = new Set([...this.#free].flatMap(({ rule }) => rule.kinds))
    try {
      return await this.#deps.jobs.hasWork([...kinds])
    } catch (error) {
      this.#deps.log.error({ err: error }, 'could not look for jobs; trying again')
      return false
    }
  }

  async #claim(slot: SlotRule): Promise<ClaimedJob | undefined> {
    const { kinds, maxPriority } = slot
    try {
      return await this.#deps.jobs.claim({ kinds, maxPriority, leaseMs: LEASE_MS })
    } catch (error) {
      this.#deps.log.error({ err: error }, 'could not claim a job; trying again')
      return undefined
    }
  }

  /** Sees one claim to its end; never throws. */
  async #take(job: ClaimedJob, stopping: AbortSignal): Promise<void> {
    try {
      const error = this.#tooLate(job) ?? (await this.#run(job, stopping))
      if (error !== undefined) await this.#settle(job, error)
    } catch (error) {
      // The database refused; the lease runs out and the job is claimed again.
      this.#deps.log.error({ err: error, job: job.id, kind: job.kind }, 'could not record the end of a job')
    }
  }

  /** Runs the handler under lease and deadline; answers why it failed. */
  async #run(job: ClaimedJob, stopping: AbortSignal): Promise<unknown> {
    const handler = this.#options.handlers[job.kind]
    if (handler === undefined)
      return new HeadwaterError('internal', `No handler for jobs of kind ${job.kind}.`)
    const { clock, log } = this.#deps
    const ended = new AbortController()
    const lost = new AbortController()
    const late = new AbortController()
    const keeping = Promise.all([
      this.#keepLease(job, { ended: ended.signal, lost }),
      this.#watchDeadline(job, { ended: ended.signal, late }),
    ])
    const signal = AbortSignal.any([stopping, lost.signal, late.signal])
    const startedMs = clock.monotonicMs()
    try {
      await handler(job, { signal })
      log.debug({ job: job.id, kind: job.kind, ms: Math.round(clock.monotonicMs() - startedMs) }, 'job done')
      return undefined
    } catch (error) {
      // What a handler throws because it was aborted says less than why it was.
      return signal.aborted ? signal.reason : error
    } finally {
      ended.abort()
      await keeping
    }
  }

  async #keepLease(
    job: ClaimedJob,
    { ended, lost }: { ended: AbortSignal; lost: AbortController },
  ): Promise<void> {
    const { clock, jobs, log } = this.#deps
    for (;;) {
      await clock.sleep(HEARTBEAT_MS, ended)
      if (ended.aborted) return
      try {
        if ((await jobs.heartbeat(job, LEASE_MS)) === 'held') continue
        lost.abort(new HeadwaterError('lease_lost', `Job ${job.id} (${job.kind}) was taken away.`))
        return
      } catch (error) {
        // The next one may come through; if the lease runs out first, it says so.
        log.warn({ err: error, job: job.id }, 'could not extend the lease of a job')
      }
    }
  }

  async #watchDeadline(
    job: ClaimedJob,
    { ended, late }: { ended: AbortSignal; late: AbortController },
  ): Promise<void> {
    const { clock } = this.#deps
    while (!ended.aborted) {
      const leftMs = (job.deadlineUs - clock.nowUs()) / 1000
      if (leftMs <= 0) return late.abort(deadlinePassed(job))
      await clock.sleep(leftMs, ended)
    }
  }

  #tooLate(job: ClaimedJob): unknown {
    if (job.deadlineUs <= this.#deps.clock.nowUs()) return deadlinePassed(job)
    if (job.attempt <= job.maxAttempts) return undefined
    return new HeadwaterError(
      'internal',
      `Job ${job.id} (${job.kind}) was begun ${job.maxAttempts} times and never ended.`,
    )
  }

  async #settle(job: ClaimedJob, error: unknown): Promise<void> {
    const { clock, jobs, log } = this.#deps
    const facts = { err: error, job: job.id, kind: job.kind, video: job.videoUid, attempt: job.attempt }
    if (isFailure(error, 'lease_lost')) return log.warn(facts, 'job lost')
    if (error instanceof RunnerStopped) {
      await jobs.release(job)
      return
    }
    const sentence = error instanceof Error ? error.message : String(error)
    if (isFailure(error, 'disk_full') && job.deadlineUs > clock.nowUs()) {
      // Neither the job nor its file is at fault, and whoever makes room expects everything to go on.
      const { first, most } = DISK_FULL_PAUSES_MS
      const delayMs = Math.min(first * 2 ** (job.token - 1), most)
      log.warn({ ...facts, delayMs }, 'job waits for room on the disk')
      await jobs.release(job, { error: sentence, retryAtUs: clock.nowUs() + delayMs * 1000 })
      return
    }
    if (!this.#isFinal(job, error)) {
      const delayMs = retryDelayMs(job.id, job.attempt)
      log.warn({ ...facts, delayMs }, 'job failed; it will be tried again')
      await jobs.fail(job, { error: sentence, retryAtUs: clock.nowUs() + delayMs * 1000 })
      return
    }
    log.error(facts, 'job failed for good')
    await this.#options.onGiveUp?.(job, error)
    await jobs.fail(job, { error: sentence, retryAtUs: 'never' })
  }

  /** A source that is at fault stays so, and so does what says that it will not pass; everything else may. */
  #isFinal(job: ClaimedJob, error: unknown): boolean {
    if (isFailure(error) && (error.kind === 'media' || error.facts.mayPass === false)) return true
    return job.attempt >= job.maxAttempts || job.deadlineUs <= this.#deps.clock.nowUs()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function deadlinePassed(job: ClaimedJob): HeadwaterError {
  return new HeadwaterError(
    'internal',
    `Job ${job.id} (${job.kind}) was not finished by its deadline, ${new Date(job.deadlineUs / 1000).toISOString()}.`,
  )
}
