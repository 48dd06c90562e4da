/** Waiting that counts only the time in which this process ran. */

const PARTS = 20

/**
 * Runs out after `ms` in which this process ran: a container that was paused, or a machine that was moved, finds a timer
 * overdue whose other side had no time either, and must not take that for silence. A pause costs a twentieth of `ms` at most.
 */
export class Patience {
  readonly #timer: NodeJS.Timeout
  #left = PARTS

  /** Begins at once; `late` is called once, unless it is stopped before. */
  constructor(ms: number, late: () => void) {
    // An interval that is overdue more than once strikes once.
    this.#timer = setInterval(() => {
      this.#left -= 1
      if (this.#left > 0) return
      this.stop()
      late()
    }, ms / PARTS)
  }

  /** Begins anew. */
  refresh(): void {
    // The part that runs may be nearly over.
    this.#left = PARTS + 1
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
