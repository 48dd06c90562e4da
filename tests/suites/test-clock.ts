/** A clock that only moves when a test says so. */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../src/ports.ts'

type Sleeper = { readonly untilUs: number; readonly wake: () => void }

/** 2026-11-20T18:00:00Z */
const START_US = 1_795_197_600_000_000

export class TestClock implements Clock {
  #nowUs = START_US
  readonly #sleepers = new Set<Sleeper>()

  nowUs(): number {
    return this.#nowUs
  }

  monotonicMs(): number {
    return this.#nowUs / 1000
  }

  /** How many sleep now. */
  get sleepers(): number {
    return this.#sleepers.size
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve()
      const sleeper: Sleeper = {
        untilUs: this.#nowUs + ms * 1000,
        wake: () => {
          this.#sleepers.delete(sleeper)
          signal?.removeEventListener('abort', sleeper.wake)
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', sleeper.wake, { once: true })
    })
  }

  /** Moves on, waking in order whoever's time has come. */
  advance(ms: number): void {
    this.#nowUs += ms * 1000
    const due = [...this.#sleepers].filter((sleeper) => sleeper.untilUs <= this.#nowUs)
    for (const sleeper of due.sort((one, other) => one.untilUs - other.untilUs)) sleeper.wake()
  }

  newUid(): string {
    return randomBytes(16).toString('hex')
  }

  newSecret(bytes: number): string {
    return randomBytes(bytes).toString('base64url')
  }
}
