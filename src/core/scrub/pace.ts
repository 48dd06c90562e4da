/** Keeps a scrub from taking the disk away from viewers. */

import type { Clock } from '../../ports.ts'

/** Shorter rests are put together. */
const LEAST_REST_MS = 10

/**
 * Rests so that at most `bytesPerSecond` are read, and so that reading takes no more than half of the time: a disk that
 * is busy with others answers slowly, and is left alone for longer. Null: as fast as it goes.
 */
export class Pace {
  readonly #clock: Pick<Clock, 'sleep'>
  readonly #bytesPerSecond: number | null
  #owedMs = 0

  constructor(clock: Pick<Clock, 'sleep'>, bytesPerSecond: number | null) {
    this.#clock = clock
    this.#bytesPerSecond = bytesPerSecond
  }

  /** To be called after every piece that was read. */
  async rest(read: { readonly bytes: number; readonly tookMs: number }, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === null) return
    const byRate = (read.bytes / this.#bytesPerSecond) * 1000 - read.tookMs
    this.#owedMs += Math.max(byRate, read.tookMs)
    if (this.#owedMs < LEAST_REST_MS) return
    const restMs = this.#owedMs
    this.#owedMs = 0
    await this.#clock.sleep(restMs, signal)
  }
}
