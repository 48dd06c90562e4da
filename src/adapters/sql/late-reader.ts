/**
 * The reading connection. Its thread starts with the first select outside a transaction and is used once it is open;
 * until then the writer answers, so that a start does not wait for a second thread.
 */

import type { SqliteThread } from './sqlite-thread.ts'

export class LateReader {
  readonly #make: () => SqliteThread
  #thread: SqliteThread | undefined
  #opening: Promise<void> | undefined
  #isOpen = false

  constructor(make: () => SqliteThread) {
    this.#make = make
  }

  /**
   * The thread, if it is open; asking for it starts it. `wait`: not before it is open, since the writer is busy, perhaps
   * with a transaction that waits for this very select.
   */
  async get({ wait }: { wait: boolean }): Promise<SqliteThread | undefined> {
    if (this.#isOpen) return this.#thread
    this.#opening ??= this.#open()
    if (wait) await this.#opening
    return this.#isOpen ? this.#thread : undefined
  }

  /** Closes it, if it was started; it is not started again. */
  async close(): Promise<void> {
    this.#opening ??= Promise.resolve()
    await this.#opening
    this.#isOpen = false
    await this.#thread?.close()
  }

  async #open(): Promise<void> {
    this.#thread = this.#make()
    try {
      await this.#thread.open()
      this.#isOpen = true
    } catch {
      // The writer goes on answering; a database it cannot open either tells its callers itself.
    }
  }
}
