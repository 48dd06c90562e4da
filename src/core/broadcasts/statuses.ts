/** Writes down, one after the other and beside the broadcast, how connections are. */

import type { Jobs } from '../../jobs/job.ts'
import type { Log } from '../../lib/log.ts'
import type { Clock } from '../../ports.ts'
import type { Db, Trx } from '../../tables.ts'
import { findStatus, type LiveStatus, recordStatus } from '../live-inputs/index.ts'

export type StatusDeps = { readonly db: Db; readonly clock: Clock; readonly jobs: Jobs; readonly log: Log }

/** A state that is entered. */
export type Entered = Pick<LiveStatus, 'state' | 'reason' | 'protocol'>

export class Statuses {
  readonly #deps: StatusDeps
  #latest: Promise<void> = Promise.resolve()

  constructor(deps: StatusDeps) {
    this.#deps = deps
  }

  /** Input or output `subject` enters a state. */
  enter(subject: string, status: Entered): void {
    this.write((trx) => recordStatus(trx, this.#deps, subject, status))
  }

  /** The same, unless it is in it: who is refused tries again and again. */
  enterOnce(subject: string, status: Entered): void {
    this.write(async (trx) => {
      const current = (await findStatus(trx, subject))?.current
      if (current?.reason === status.reason && current.protocol === status.protocol) return
      await recordStatus(trx, this.#deps, subject, status)
    })
  }

  /** Writes whatever belongs between two states. A failure is told to the log: the broadcast goes on. */
  write(work: (trx: Trx) => Promise<void>): void {
    this.#latest = this.#latest
      .then(() => this.#deps.db.transaction().execute(work))
      .catch((err: unknown) =>
        this.#deps.log.error({ err }, 'the state of a live input could not be recorded'),
      )
  }

  /** Everything asked for so far is written. */
  settle(): Promise<void> {
    return this.#latest
  }
}
