/** When something that failed may be tried again: 1, 2, 4 … 30 s later, and at once again after it went well for a while. */

import type { Clock } from '../../ports.ts'

const FIRST_MS = 1_000
const LONGEST_MS = 30_000
/** A life this long was a good one. */
const WELL_MS = 60_000

/** The pauses of one thing. */
export class RestartPauses {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #startedMs = 0
  #nextMs = FIRST_MS
  #untilMs = Number.NEGATIVE_INFINITY

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock
  }

  /** Whether it may be started now. */
  get over(): boolean {
    return this.#clock.monotonicMs() >= this.#untilMs
  }

  started(): void {
    this.#startedMs = this.#clock.monotonicMs()
  }

  /** Answers how long it waits now, milliseconds. */
  failed(): number {
    const nowMs = this.#clock.monotonicMs()
    const pauseMs = nowMs - this.#startedMs >= WELL_MS ? FIRST_MS : this.#nextMs
    this.#nextMs = Math.min(2 * pauseMs, LONGEST_MS)
    this.#untilMs = nowMs + pauseMs
    return pauseMs
  }
}
