/**
 * Begins to write a draft's bytes to the disk while more of them come, so that the sync at the end of a chunk finds
 * little left to do. One draft of a folder at a time: a disk gains nothing from more, and the threads that write are few.
 */

import type { FileHandle } from 'node:fs/promises'

/**
 * Bytes between two, or as many as come while one runs. The fewer, the less is left for the sync that the sender waits for;
 * each costs the file system a commit of its journal, so a slow disk takes more at a time.
 */
const EVERY_BYTES = 4 * 1_048_576

/** Whose turn it is; shared by the drafts of one folder. */
export type SyncTurn = { taken: boolean }

export class EarlySync {
  readonly #handle: Pick<FileHandle, 'datasync'>
  readonly #turn: SyncTurn
  #bytes = 0
  #running: Promise<void> | undefined
  #failure: { readonly error: unknown } | undefined

  constructor(handle: Pick<FileHandle, 'datasync'>, turn: SyncTurn) {
    this.#handle = handle
    this.#turn = turn
  }

  /** So many bytes more have been handed to the system. */
  wrote(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < EVERY_BYTES || this.#turn.taken) return
    this.#turn.taken = true
    this.#bytes = 0
    this.#running = this.#handle
      .datasync()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => {
        this.#turn.taken = false
        this.#running = undefined
      })
  }

  /** Waits for the one that runs. Throws what any of them failed with: the system tells of a lost write only once. */
  async settle(): Promise<void> {
    this.#bytes = 0
    await this.#running
    if (this.#failure !== undefined) throw this.#failure.error
  }
}
