/** The scrub of a running server: one at a time, beside everything else. A stop of the server stops it. */

import { HeadwaterError } from '../../lib/failure.ts'
import type { RemedyDeps } from './remedies.ts'
import type { ScrubReport } from './report.ts'
import { Scrub } from './scrub.ts'

/** What is read in a second unless another rate is asked for: a fraction of what any disk gives. */
export const USUAL_BYTES_PER_SECOND = 50_000_000

/** What is older than this and has no record was left by a crash. */
const DAY_MS = 86_400_000

type Running = { readonly scrub: Scrub; readonly stopping: AbortController; readonly ended: Promise<void> }

/** Begins, tells and stops. */
export class ScrubKeeper {
  readonly #deps: RemedyDeps
  /** Made before anything is stored by this process. */
  readonly #startedMs: number
  #last: Running | undefined

  constructor(deps: RemedyDeps) {
    this.#deps = deps
    this.#startedMs = deps.clock.monotonicMs()
  }

  /** Begins one. Throws `conflict` while another is running. */
  start(options: { readonly repair: boolean; readonly bytesPerSecond?: number }): ScrubReport {
    if (this.report()?.state === 'running') {
      throw new HeadwaterError('conflict', 'A scrub is running already; wait for its end, or stop it.')
    }
    const { clock } = this.#deps
    const graceMs = Math.min(DAY_MS, clock.monotonicMs() - this.#startedMs)
    const scrub = new Scrub(this.#deps, {
      repair: options.repair,
      bytesPerSecond: options.bytesPerSecond ?? USUAL_BYTES_PER_SECOND,
      straysBeforeUs: clock.nowUs() - Math.ceil(graceMs * 1000),
    })
    const stopping = new AbortController()
    this.#last = { scrub, stopping, ended: scrub.run(stopping.signal) }
    return scrub.report()
  }

  /** Of the scrub that runs, or of the last one since this process began; undefined before the first. */
  report(): ScrubReport | undefined {
    return this.#last?.scrub.report()
  }

  /** Stops it, if one is running; returns when it has ended. */
  async stop(): Promise<void> {
    this.#last?.stopping.abort()
    await this.#last?.ended
  }
}
