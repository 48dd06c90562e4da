/** Asks again and again whether an input (or the broadcast of a video) is live, for as long as the page is there. */

import { pauseMs } from './asking-pace.ts'
import type { Lifecycle } from './live-phase.ts'

/** Answers to a question; `gone`: there is no such id any more. */
export type LifecycleAnswer = Lifecycle | 'gone'

export class LifecycleWatch {
  readonly #address: string
  readonly #onAnswer: (answer: LifecycleAnswer) => void
  readonly #isRunning: () => boolean
  readonly #life = new AbortController()
  #timer: ReturnType<typeof setTimeout> | undefined
  #asking = false
  #unseen = 0
  #failures = 0

  /** Begins with a question at once. */
  constructor(address: string, onAnswer: (answer: LifecycleAnswer) => void, isRunning: () => boolean) {
    this.#address = address
    this.#onAnswer = onAnswer
    this.#isRunning = isRunning
    document.addEventListener(
      'visibilitychange',
      () => {
        this.#unseen = 0
        if (!document.hidden) this.ask()
      },
      { signal: this.#life.signal },
    )
    this.ask()
  }

  /** Asks now instead of later. */
  ask(): void {
    clearTimeout(this.#timer)
    if (this.#asking || this.#life.signal.aborted) return
    this.#asking = true
    this.#question()
      .then(
        (answer) => {
          this.#failures = 0
          if (!this.#life.signal.aborted) this.#onAnswer(answer)
        },
        () => {
          this.#failures += 1
        },
      )
      .finally(() => {
        this.#asking = false
        this.#later()
      })
      .catch((error: unknown) => reportError(error))
  }

  stop(): void {
    this.#life.abort()
    clearTimeout(this.#timer)
  }

  #later(): void {
    if (this.#life.signal.aborted) return
    const { hidden } = document
    if (hidden) this.#unseen += 1
    const asking = {
      running: this.#isRunning(),
      hidden,
      unseen: this.#unseen,
      failures: this.#failures,
      random: Math.random(),
    }
    this.#timer = setTimeout(() => this.ask(), pauseMs(asking))
  }

  async #question(): Promise<LifecycleAnswer> {
    const response = await fetch(this.#address, {
      cache: 'no-store',
      credentials: 'omit',
      signal: this.#life.signal,
    })
    if (response.status === 404) return 'gone'
    if (!response.ok) throw new Error(`The lifecycle address answered ${response.status}.`)
    return (await response.json()) as Lifecycle
  }
}
