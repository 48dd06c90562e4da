/** Sees to it that a run's folder does not fill the disk: the kernel's own limit is one for each file. */

import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 1_000
/** No run makes more files, and none makes folders. */
const MOST_FILES = 100

/** Looks at a folder again and again until it is stopped. */
export class FolderWatch {
  readonly #over = new AbortController()
  readonly #stopped = new AbortController()

  /** `tooMuch`: the failure that the run ends with. */
  constructor(folder: string, mostBytes: number, tooMuch: () => Error) {
    void this.#look(folder, mostBytes, tooMuch)
  }

  /** Aborted once there is too much. */
  get over(): AbortSignal {
    return this.#over.signal
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #look(folder: string, mostBytes: number, tooMuch: () => Error): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => {})
      if (!signal.aborted && (await isFull(folder, mostBytes))) this.#over.abort(tooMuch())
    }
  }
}

/** More bytes on disk, or more entries, than allowed; a folder counts as too many. */
async function isFull(folder: string, mostBytes: number): Promise<boolean> {
  let bytes = 0
  let entries = 0
  try {
    for await (const entry of await opendir(folder)) {
      entries += 1
      if (entries > MOST_FILES || entry.isDirectory()) return true
      const facts = await lstat(join(folder, entry.name)).catch(() => undefined)
      bytes += facts?.size ?? 0
    }
  } catch {
    // It has been removed with its run.
    return false
  }
  return bytes > mostBytes
}
